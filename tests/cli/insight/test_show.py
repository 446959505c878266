import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from xgraph.cli import main

Capture = pytest.CaptureFixture[str]
OLD = Path(__file__).parents[2] / "fixtures" / "old_runs"


def shown(capsys: Capture, *words: str) -> dict[str, Any]:
    assert main(["show", "--json", *words]) == 0
    values: dict[str, Any] = json.loads(capsys.readouterr().out)
    return values


def test_a_finished_run(csv: Path, small: list[str], capsys: Capture) -> None:
    assert main(["train", str(csv), *small, "--loss", "soap", "--out", "my run"]) == 0
    capsys.readouterr()
    values = shown(capsys, "my run")
    metrics = json.loads(Path("my run/metrics.json").read_text())
    assert (values["state"], values["kind"], values["loss"]) == ("finished", "molecules", "soap")
    assert (values["epochs_done"], values["epochs"]) == (metrics["epochs"], metrics["epochs"])
    assert values["metrics"] == metrics
    files = [file for file in Path("my run").rglob("*") if file.is_file()]
    assert (values["bytes"], values["number_of_files"]) == (sum(one.stat().st_size for one in files), len(files))
    assert values["commands"]["predict"] == "xgraph predict 'my run' molecules.csv -o predictions.csv"
    assert main(["show", "my run"]) == 0
    text = capsys.readouterr().out
    assert f"state: finished, {metrics['epochs']} of {metrics['epochs']} epochs\n" in text
    assert f"{metrics['test']['ap']:.4f}" in text
    assert "  xgraph evaluate 'my run'\n" in text
    assert "last.ckpt" in text

    # As after a kill: the last epoch is saved, and nothing is scored.
    Path("my run/metrics.json").unlink()
    values = shown(capsys, "my run")
    assert (values["state"], values["epochs_done"]) == ("interrupted", metrics["epochs"])
    assert values["commands"]["resume"] == "xgraph train --resume --out 'my run'"
    Path("my run/config.toml").unlink()
    assert main(["show", "my run"]) == 1
    assert "has no config.toml, but a checkpoint with its settings; `xgraph train --resume" in capsys.readouterr().err


def test_seeds_are_members(csv: Path, capsys: Capture) -> None:
    words = ["--split", "random", "--model", "forest", "--trees", "2", "--features", "maccs", "--seeds", "2"]
    assert main(["train", str(csv), *words, "--out", "run"]) == 0
    capsys.readouterr()
    values = shown(capsys, "run")
    assert values["members"] == [{"run": f"seed_{k}", "state": "finished"} for k in (0, 1)]
    assert values["commands"]["export"] == "xgraph export run/seed_0 --state-dict weights.pt"
    assert main(["show", "run"]) == 0
    assert "members: seed_0 finished, seed_1 finished\n" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "kind"), [("gine", "molecules"), ("trees", "molecules"), ("bags", "bags")])
def test_runs_of_older_versions(name: str, kind: str, capsys: Capture) -> None:
    values = shown(capsys, str(OLD / name))
    assert (values["kind"], values["state"]) == (kind, "finished")
    assert main(["show", str(OLD / name)]) == 0


def test_a_pretrained_encoder(capsys: Capture) -> None:
    values = shown(capsys, str(OLD / "encoder"))
    assert (values["kind"], values["data"], values["loss"]) == ("encoder", "nci-pains", "contrastive")
    assert main(["show", str(OLD / "encoder")]) == 0


def test_what_is_damaged_or_no_run(tmp_path: Path, capsys: Capture) -> None:
    shutil.copytree(OLD / "gine", "torn")
    Path("torn/metrics.json").write_text('{"test": {')
    shutil.copytree(OLD / "gine", "other")
    Path("other/metrics.json").write_text('{"test": [1], "valid": 3, "baseline": "a"}')
    shutil.copytree(OLD / "gine", "cut")
    Path("cut/config.toml").write_text("[data")
    Path("file").write_text("")
    Path("search").mkdir()
    Path("search/search.toml").write_text("")
    for name, text in [
        ("torn", "torn/metrics.json is damaged"),
        ("cut", "cut/config.toml is damaged"),
        ("nowhere", "does not exist; `xgraph runs` lists runs"),
        ("file", "is a file; expected a run directory"),
        ("search", "search is a search, not a run; `xgraph runs search` lists its trials"),
        (str(tmp_path), "is not a run directory (no config.toml)"),
    ]:
        assert main(["show", name]) == 1, name
        assert text in capsys.readouterr().err
    assert main(["show", "other"]) in (0, 1)
    assert "unexpected" not in capsys.readouterr().err
