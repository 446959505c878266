"""Classes that exclude each other, for molecules and for bags: from the table to predictions."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import xgraph
from xgraph.data import BagDataset, MoleculeDataset, load, read_bags
from xgraph.data.labels.rules import LabelRules
from xgraph.options import OptionError

SMALL: dict[str, Any] = {"epochs": 2, "hidden_channels": 8, "split": "random"}
ENDS = {"O": "alcohol", "N": "amine", "C": "alkane"}


@pytest.fixture
def molecules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = [f"{'C' * n}{end},{kind if n % 7 else ''},{n % 2}" for n in range(2, 30) for end, kind in ENDS.items()]
    (tmp_path / "kinds.csv").write_text("smiles,kind,odd\n" + "\n".join(rows))
    return tmp_path / "kinds.csv"


def test_molecules(molecules: Path) -> None:
    data = load(molecules, task="multiclass", split="random")
    assert isinstance(data, MoleculeDataset)
    assert (data.task, data.task_names, data.metric) == ("multiclass", ["alcohol", "alkane", "amine"], "accuracy")
    known = ~data.y.isnan().any(1)
    assert (data.y[known].sum(1) == 1).all()
    assert data.y[~known].isnan().all()
    assert 0 < int(known.sum()) < len(data)
    assert "classes=3" in repr(data)

    run = xgraph.train(molecules, task="multiclass", num_layers=2, out="run", **SMALL)
    assert (run.config.loss, run.config.task, run.config.pretrain_epochs) == ("ce", "multiclass", 0)
    assert run.metrics["classes"] == ["alcohol", "alkane", "amine"]
    assert {"accuracy", "ap"} <= run.metrics["test"].keys()
    assert xgraph.evaluate(run.path) == run.metrics["test"]
    predictions = pd.read_csv(run.path / "predictions.csv")
    assert {"label", "predicted", "alcohol_score"} <= set(predictions.columns)
    scores = predictions[[f"{name}_score" for name in data.task_names]].to_numpy()
    assert np.allclose(scores.sum(1), 1)
    shown = [data.task_names[i] for i in scores.argmax(1)]
    assert predictions["predicted"].tolist() == shown


def test_a_forest_and_a_ranking_loss_take_classes(molecules: Path) -> None:
    run = xgraph.train(molecules, task="multiclass", model="forest", trees=5, split="random", out="forest")
    assert "accuracy" in run.metrics["valid"]
    run = xgraph.train(molecules, task="multiclass", loss="soap", pretrain_epochs=1, num_layers=2, out="soap", **SMALL)
    assert run.metrics["metric"] == "accuracy"


def test_bags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    rows = [f"b{i},{3 - i % 3},{rng.normal() + i % 3:.3f},{rng.normal():.3f}" for i in range(60) for _ in range(3)]
    Path("bags.csv").write_text("bag,label,u,v\n" + "\n".join(rows))
    data = read_bags("bags.csv", rules=LabelRules(task="multiclass"))
    assert isinstance(data, BagDataset)
    assert (data.task, data.task_names, data.metric) == ("multiclass", ["1", "2", "3"], "accuracy")
    assert data.y[:3].tolist() == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
    run = xgraph.train("bags.csv", bag_column="bag", task="multiclass", epochs=2, out="run")
    assert (run.config.loss, run.metrics["classes"]) == ("ce", ["1", "2", "3"])
    assert 0 <= run.metrics["test"]["accuracy"] <= 1
    Path("bags.csv").write_text("bag,label,u\na,red,1\na,blue,2\nb,red,1\n")
    with pytest.raises(ValueError, match="bag 'a': column 'label' is 'red' in data row 0 and 'blue' in data row 1"):
        read_bags("bags.csv", rules=LabelRules(task="multiclass"))


def test_wrong_use(molecules: Path) -> None:
    with pytest.raises(OptionError, match="loss 'ce' is for mutually exclusive classes"):
        xgraph.train(molecules, loss="ce")
    with pytest.raises(ValueError, match=r"--positive WORD.*--task multiclass"):
        xgraph.train(molecules, target_columns=["kind"], out="run")
    with pytest.raises(ValueError, match="task multiclass: target_columns must be one column"):
        xgraph.train(molecules, task="multiclass", target_columns=["kind", "odd"], out="run")
    with pytest.raises(ValueError, match="a single 1"):
        BagDataset(torch.zeros(2, 1), bag=[0, 1], y=[[1, 1], [0, 1]], task="multiclass")


def test_few_classes_are_learned_by_exact_cross_entropy(molecules: Path) -> None:
    settings = {"task": "multiclass", "num_layers": 2, **SMALL}
    with pytest.warns(UserWarning, match="exact cross-entropy is used, as with --loss ce, since there are 3 classes"):
        run = xgraph.train(molecules, loss="scent", label_smoothing=0.1, out="run", **settings)
    exact = xgraph.train(molecules, loss="ce", label_smoothing=0.1, out="exact", **settings)
    assert run.metrics["test"] == exact.metrics["test"]
    assert run.config.loss == "scent"
    with pytest.raises(OptionError, match="loss 'scent' is for mutually exclusive classes"):
        xgraph.train(molecules, target_columns=["odd"], loss="scent")


@pytest.mark.parametrize("model", ["gine", "mlp"])
def test_many_classes_are_sampled(molecules: Path, monkeypatch: pytest.MonkeyPatch, model: str) -> None:
    """With all classes and no history it is cross-entropy; otherwise a run resumes exactly with its draws."""
    from tests.training.pretraining.test_pretrain import assert_same, stopping
    from xgraph.training.files.checkpoint import read_checkpoint
    from xgraph.training.fit import many_classes
    from xgraph.training.fit.train import Interrupted

    monkeypatch.setattr(many_classes, "EXACT_BELOW", 3)
    settings = {"task": "multiclass", "model": model, "dropout": 0.0, "baseline": False, **SMALL}
    exact = xgraph.train(molecules, loss="ce", out="exact", **settings)
    same = xgraph.train(molecules, loss="scent", gamma=1.0, out="same", **settings)
    losses = [pd.read_csv(run.path / "metrics.csv")["train_loss"].tolist() for run in (exact, same)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)

    settings |= {"loss": "scent", "num_sampled": 1, "classes": "both", "epochs": 3, "gamma_schedule": "constant"}
    whole = xgraph.train(molecules, out="whole", **settings)
    with stopping(after=0), pytest.raises(Interrupted):
        xgraph.train(molecules, out="parts", **settings)
    parts = xgraph.train(out="parts", resume=True)
    states = [read_checkpoint(run.path / "last.ckpt") for run in (whole, parts)]
    assert_same(*states)
    assert int(states[0]["state_dict"]["main_loss.draws"]) > 0
    assert xgraph.evaluate(parts.path) == parts.metrics["test"]


def test_bags_sample_their_logits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from xgraph.training.fit import many_classes

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(many_classes, "EXACT_BELOW", 3)
    rng = np.random.default_rng(0)
    rows = [f"b{i},{3 - i % 3},{rng.normal() + i % 3:.3f}" for i in range(60) for _ in range(3)]
    Path("bags.csv").write_text("bag,label,u\n" + "\n".join(rows))
    run = xgraph.train(
        "bags.csv", bag_column="bag", task="multiclass", loss="scent", num_sampled=2, epochs=2, out="run"
    )
    assert 0 <= run.metrics["test"]["accuracy"] <= 1
