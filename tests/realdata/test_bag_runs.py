"""A short run on each kind of bags, through the real loader."""

from pathlib import Path
from typing import Any

import pytest

import xgraph

pytestmark = pytest.mark.realdata
SHORT: dict[str, Any] = {"epochs": 3, "pretrain_epochs": 1, "threads": 1}


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("fox", {"model": "mean", "instances": 3, "fold": 49}),
        ("corel", {"instances": 2}),
        ("corel", {"target_columns": ["Beach"], "fold": 3, "loss": "soap"}),
        ("birds", {"model": "gated-attention", "heads": 13}),
        ("mnist-bags", {"model": "smoothed-max", "instances": 3, "num_layers": 1, "pretrain_epochs": 0}),
    ],
)
def test_trains_and_scores(name: str, settings: dict[str, Any], tmp_path: Path) -> None:
    run = xgraph.train(name, **{**SHORT, **settings}, out=tmp_path / "run")
    assert run.metrics["valid"]["roc_auc"] > 0.55
    frame = xgraph.predict(run.path, instances_out=tmp_path / "w.csv")
    assert len(frame) == {"fox": 200, "corel": 2000, "birds": 548, "mnist-bags": 999}[name]
    assert frame.drop(columns="bag").notna().all(axis=None)
