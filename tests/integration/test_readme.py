"""Every code block of the README, as printed; the first one and the gate's are run by `.ci/run`."""

import json
import os
import re
import shlex
from pathlib import Path

import pytest

from xgraph.cli import main

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
BASH = [code for language, kind, code in BLOCKS if (language, kind) == ("bash", "")]
PYTHON = [code for language, _, code in BLOCKS if language == "python"]
INSTALL = [code for code in BASH if "pip install" in code]
REAL = [code for code in BASH if any(name in code for name in ("aicures", "coauthor", "musk2"))]
PLAIN = [code for code in BASH if code not in (*INSTALL, *REAL)]


def run(code: str) -> None:
    """The commands of a block, within this process: each of them starts with `xgraph`."""
    for line in code.replace("\\\n", " ").splitlines():
        name, *argv = shlex.split(line)
        assert name == "xgraph", line
        assert main(argv) == 0, line


def test_there_is_one_of_each_kind():
    assert (len(INSTALL), len(REAL), len(PLAIN), len(PYTHON)) == (1, 3, 4, 4)
    assert [kind for language, kind, _ in BLOCKS if language == "bash"].count("test") == 1
    gate = (ROOT / ".ci/run").read_text()
    assert "block '```bash test'" in gate  # it runs this block,
    assert BLOCKS[0][2] == INSTALL[0]  # and the first one, in a fresh clone


def test_the_python_blocks(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for code in PYTHON:
        exec(compile(code, "README.md", "exec"), {})
    assert "objective" in capsys.readouterr().out
    assert (tmp_path / "checkpoint.pt").exists()


@pytest.mark.slow
def test_the_commands_on_a_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    chains = ["C" * n + end for n in range(1, 31) for end in ("O", "N", "C(=O)O")]
    rings = [f"c1ccc({chain})cc1" for chain in chains]
    rows = [f"{smiles},{int('N' in smiles)}" for smiles in chains + rings]
    (tmp_path / "molecules.csv").write_text("smiles,active\n" + "\n".join(rows) + "\n")
    (tmp_path / "candidates.csv").write_text("smiles\nCCO\n\nnonsense\nCCN\n")
    for code in PLAIN:
        run(code)
    assert len((tmp_path / "predictions.csv").read_text().splitlines()) == 5
    assert "ap" in json.loads((tmp_path / "runs/mine/metrics.json").read_text())["test"]
    header = (tmp_path / "ensemble.csv").read_text().splitlines()[0]
    assert header == "smiles,active,active_std,error"
    assert (tmp_path / "runs/search/best.toml").exists()
    assert "init" in (tmp_path / "runs/started/config.toml").read_text()


@pytest.mark.slow
@pytest.mark.realdata
def test_the_commands_on_real_data(tmp_path, monkeypatch):
    if "://" not in os.environ["XGRAPH_MIRROR"]:
        monkeypatch.setenv("XGRAPH_MIRROR", str(Path(os.environ["XGRAPH_MIRROR"]).resolve()))
    monkeypatch.chdir(tmp_path)
    for code in REAL:
        run(code)
    assert json.loads((tmp_path / "runs/aicures-0/metrics.json").read_text())["test"].keys() >= {"prc_auc", "roc_auc"}
    assert json.loads((tmp_path / "runs/physics/metrics.json").read_text())["test"]["accuracy"] > 0.8
    assert json.loads((tmp_path / "runs/tolokers/metrics.json").read_text())["test"]["roc_auc"] > 0.65
    assert json.loads((tmp_path / "runs/musk2/metrics.json").read_text())["test"]["roc_auc"] > 0.6
    assert len((tmp_path / "scores.csv").read_text().splitlines()) == 103
    assert len((tmp_path / "weights.csv").read_text().splitlines()) == 6599
