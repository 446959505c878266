import json
from pathlib import Path

import pytest

from xgraph.cli import main

Capture = pytest.CaptureFixture[str]
FOREST = ["--split", "random", "--model", "forest", "--trees", "3", "--features", "maccs"]


def test_seeds_from_training_to_predictions(csv: Path, capsys: Capture) -> None:
    assert main(["train", str(csv), *FOREST, "--seeds", "3", "--out", "runs/three"]) == 0
    shown, said = capsys.readouterr()
    header = next(line for line in shown.splitlines() if line.startswith("metric"))
    assert header.split() == ["metric", "valid", "test", "ensemble_valid", "ensemble_test"]
    assert [line for line in said.splitlines() if line.startswith("seed=")] == ["seed=0", "seed=1", "seed=2"]
    assert "ap" in shown
    assert " ± " in shown

    assert main(["runs"]) == 0
    (row,) = capsys.readouterr().out.splitlines()[1:]
    assert row.split("\t")[5] == "finished (3 seeds)"
    assert main(["runs", "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)
    metrics = json.loads(Path("runs/three/metrics.json").read_text())
    assert (one["seeds"], one["folds"], one["test"]) == (3, None, metrics["test"]["mean"]["ap"])

    assert main(["evaluate", "runs/three", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["test"] == metrics["ensemble"]["test"]
    assert main(["predict", "runs/three", str(csv), "--out", "scores.csv"]) == 0
    assert Path("scores.csv").read_text().splitlines()[0] == "smiles,amine,amine_score,amine_std,error"
    for words in (["embed", "runs/three", str(csv)], ["export", "runs/three", "--state-dict", "m.pt"]):
        assert main(words) != 0
        assert "is a run over seeds; choose the directory of one of them (seed_0, seed_1, seed_2)" in (
            " ".join(capsys.readouterr().err.split())
        )


def test_folds_and_seeds_are_listed_and_what_is_running_or_missing_too(csv: Path, capsys: Capture) -> None:
    assert main(["train", str(csv), *FOREST, "--folds", "3", "--seeds", "2", "--out", "runs/both"]) == 0
    Path("runs/both/metrics.json").unlink()
    Path("runs/both/fold_2/metrics.json").unlink()
    capsys.readouterr()
    assert main(["runs"]) == 0
    (row,) = capsys.readouterr().out.splitlines()[1:]
    assert row.split("\t")[5] == "interrupted (2 folds × 2 seeds)"
    assert main(["train", "--resume", "--out", "runs/both"]) == 0
    assert "in 3" not in capsys.readouterr().out
    assert len(json.loads(Path("runs/both/metrics.json").read_text())["folds"]) == 3
