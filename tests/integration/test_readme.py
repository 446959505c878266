"""Every code block of the README, as printed."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
BASH = [code for language, kind, code in BLOCKS if (language, kind) == ("bash", "")]
PYTHON = [code for language, _, code in BLOCKS if language == "python"]
INSTALL = [code for code in BASH if "pip install" in code]
REAL = [code for code in BASH if any(name in code for name in ("aicures", "coauthor", "musk2"))]
PLAIN = [code for code in BASH if code not in (*INSTALL, *REAL)]


def run(code: str, folder: Path) -> str:
    """A block of shell, as a user pastes it, with this environment's commands first on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    mirror = os.environ.get("XGRAPH_MIRROR")
    extra = {"XGRAPH_MIRROR": str(Path(mirror).resolve())} if mirror and "://" not in mirror else {}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code],
        cwd=folder,
        env={**os.environ, "PATH": path, **extra},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_there_is_one_of_each_kind():
    assert (len(INSTALL), len(REAL), len(PLAIN), len(PYTHON)) == (1, 3, 4, 4)
    assert [kind for language, kind, _ in BLOCKS if language == "bash"].count("test") == 1  # run by .ci/run


def test_the_python_blocks(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for code in PYTHON:
        exec(compile(code, "README.md", "exec"), {})
    assert "objective" in capsys.readouterr().out
    assert (tmp_path / "checkpoint.pt").exists()


def test_the_commands_on_a_table(tmp_path):
    chains = ["C" * n + end for n in range(1, 31) for end in ("O", "N", "C(=O)O")]
    rings = [f"c1ccc({chain})cc1" for chain in chains]
    rows = [f"{smiles},{int('N' in smiles)}" for smiles in chains + rings]
    (tmp_path / "molecules.csv").write_text("smiles,active\n" + "\n".join(rows) + "\n")
    (tmp_path / "candidates.csv").write_text("smiles\nCCO\n\nnonsense\nCCN\n")
    for code in PLAIN:
        run(code, tmp_path)
    assert len((tmp_path / "predictions.csv").read_text().splitlines()) == 5
    assert "ap" in json.loads((tmp_path / "runs/mine/metrics.json").read_text())["test"]
    header = (tmp_path / "ensemble.csv").read_text().splitlines()[0]
    assert header == "smiles,active,active_std,error"
    assert (tmp_path / "runs/search/best.toml").exists()
    assert "init" in (tmp_path / "runs/started/config.toml").read_text()


@pytest.mark.realdata
def test_the_commands_on_real_data(tmp_path):
    for code in REAL:
        run(code, tmp_path)
    assert json.loads((tmp_path / "runs/aicures-0/metrics.json").read_text())["test"].keys() >= {"prc_auc", "roc_auc"}
    assert json.loads((tmp_path / "runs/physics/metrics.json").read_text())["test"]["accuracy"] > 0.8
    assert json.loads((tmp_path / "runs/tolokers/metrics.json").read_text())["test"]["roc_auc"] > 0.65
    assert json.loads((tmp_path / "runs/musk2/metrics.json").read_text())["test"]["roc_auc"] > 0.6
    assert len((tmp_path / "scores.csv").read_text().splitlines()) == 103
    assert len((tmp_path / "weights.csv").read_text().splitlines()) == 6599


def test_the_first_command_in_a_fresh_clone(tmp_path):
    """Makes an environment of its own, installs and trains: some minutes."""
    clone = tmp_path / "clone"
    if subprocess.run(["git", "clone", "-q", ROOT, clone], check=False).returncode != 0:  # an archive, not a clone
        shutil.copytree(ROOT, clone, ignore=shutil.ignore_patterns(".venv", ".*_cache", "__pycache__"))
    out = run(INSTALL[0], clone)
    assert "prc_auc" in out
    (found,) = (clone / "runs").iterdir()
    metrics = json.loads((found / "metrics.json").read_text())
    assert metrics["test"]["ap"] > 0.3  # 6.9 % of the molecules are positive
