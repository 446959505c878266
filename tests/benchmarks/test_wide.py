"""Steps with one task and with many are measured in turn; labels are mostly missing."""

import pytest
import torch

from benchmarks import wide
from xgraph.data import MoleculeDataset


def test_labels_are_mostly_missing():
    y = wide.labels(2000, 5, numbers=False)
    assert float(y.isnan().float().mean()) == pytest.approx(0.9, abs=0.02)
    known = y[~y.isnan()]
    assert set(known.tolist()) == {0.0, 1.0}
    assert float(known.mean()) == pytest.approx(0.1, abs=0.03)
    assert len(torch.unique(wide.labels(100, 1, numbers=True, missing=0.0))) == 100


def test_a_row_compares_many_tasks_with_one(monkeypatch):
    monkeypatch.setattr(wide, "TASKS", 3)
    (row,) = wide.steps(["soap"], rounds=1, count=1, data=MoleculeDataset.from_smiles(["C" * n for n in range(1, 71)]))
    assert row["ratio"] == row["step ms, all"] / row["step ms, one"] > 0
    assert row["goal"] == 2.0


def test_every_loss_can_be_measured(monkeypatch):
    monkeypatch.setattr(wide, "TASKS", 3)
    for name in wide.MEASURED:
        assert wide.footprint(name, 16) >= 0
