"""The AICures fold, from training to predictions for the competition's own test set."""

import os
from pathlib import Path

import pytest

import xgraph
from xgraph.cli import main

pytestmark = pytest.mark.realdata


def test_train_and_predict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = Path(os.environ["XGRAPH_MIRROR"]).resolve()
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path / "root"))
    monkeypatch.setenv("XGRAPH_MIRROR", str(mirror))
    monkeypatch.chdir(tmp_path)
    small = ["--epochs", "2", "--pretrain-epochs", "1", "--hidden-channels", "16", "--num-layers", "2"]
    assert main(["train", "aicures", "--fold", "0", "--loss", "soap", *small, "--out", "run"]) == 0
    metrics = xgraph.training.Run.open("run").metrics
    assert metrics["selected_by"] == "prc_auc"
    assert 0 < metrics["test"]["prc_auc"] < 1
    assert len(Path("run/predictions.csv").read_text().splitlines()) == 1 + 202 + 201

    source = mirror / "aicures_pseudomonas" / "test.csv"
    assert main(["predict", "run", str(source), "-o", "preds.csv", "--only-scores"]) == 0
    lines = Path("preds.csv").read_text().splitlines()
    assert lines[0] == "smiles,activity,error"
    given = [line.split(",")[0] for line in source.read_text(encoding="utf-8-sig").splitlines()[1:]]
    assert [line.split(",")[0] for line in lines[1:]] == given
    assert len(given) == 238
    assert sum(line.split(",")[1] == "" for line in lines[1:]) == 1  # an aluminium complex that RDKit refuses
