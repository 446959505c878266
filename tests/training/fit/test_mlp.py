"""Runs of a network on features alone, which makes no batches of graphs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import xgraph
from xgraph.data import MoleculeDataset
from xgraph.data.molecules.packed import PackedGraphs
from xgraph.options import OptionError
from xgraph.training.config.build import build_config

Train = Callable[..., xgraph.Run]


@pytest.fixture
def mlp(csv: Path) -> Train:
    small = {"split": "random", "epochs": 4, "pretrain_epochs": 2, "batch_size": 16, "hidden_channels": 8, "threads": 1}

    def run(**settings: Any) -> xgraph.Run:
        dataset = settings.pop("dataset", csv)
        return xgraph.train(dataset, **{"model": "mlp", "features": ["maccs"], **small, **settings})

    return run


@pytest.fixture
def no_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a batch of graphs was made")

    monkeypatch.setattr(PackedGraphs, "batch", refuse)


@pytest.mark.usefixtures("no_graphs")
@pytest.mark.parametrize(
    "settings",
    [
        {"loss": "soap"},
        {"loss": "auc-pairwise", "schedule": "finetune"},
        {"loss": "auc-margin", "schedule": "compositional", "pretrain_epochs": 0},
        {"loss": "bce", "pretrain_epochs": 0, "num_layers": 2, "norm": "layer", "ema_decay": 0.9},
    ],
    ids=str,
)
def test_every_schedule(mlp: Train, settings: dict[str, Any]) -> None:
    run = mlp(**settings, out="run", epochs=6)
    assert xgraph.evaluate("run") == pytest.approx(run.metrics["test"], nan_ok=True)
    predictions = pd.read_csv("run/predictions.csv")
    test = predictions[predictions["split"] == "test"]
    frame = xgraph.predict("run", [*test["smiles"], "C1CC"])
    np.testing.assert_allclose(frame["amine"][:-1], test["amine_score"], rtol=1e-6)
    assert frame["error"].iloc[-1]
    vectors = xgraph.embed("run", ["CCN", "CCO"])
    assert list(vectors.columns) == ["smiles", *(f"v{i}" for i in range(8)), "error"]


def test_it_learns(mlp: Train) -> None:
    run = mlp(loss="soap", epochs=20, pretrain_epochs=10, lr=0.01, out="run")
    assert run.metrics["test"]["ap"] > 0.9
    assert xgraph.evaluate("run", "train")["ap"] > 0.9


@pytest.mark.usefixtures("no_graphs")
def test_resuming_gives_the_same_run(mlp: Train) -> None:
    full = mlp(out="full")
    mlp(out="part", epochs=3)
    again = xgraph.train(resume=True, out="part", epochs=4)
    assert again.metrics == full.metrics
    one, two = full.model.state_dict(), again.model.state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.usefixtures("no_graphs")
def test_init(mlp: Train) -> None:
    mlp(out="first", loss="bce", pretrain_epochs=0)
    second = mlp(out="second", init="first", lr=1e-12, epochs=1, pretrain_epochs=0, norm="batch")
    first = xgraph.Run.open(Path("first")).model.state_dict()
    assert torch.allclose(second.model.state_dict()["features.0.weight"], first["features.0.weight"], atol=1e-6)
    with pytest.raises(ValueError, match=r"init: nothing in .* its features \(maccs\) are not .*\(morgan\)"):
        mlp(out="third", init="first", features=["morgan"])
    with pytest.raises(ValueError, match="init: the model in first/best.ckpt"):
        mlp(out="third", init="first", hidden_channels=4)


def test_several_tasks_with_missing_labels_and_weights(mlp: Train, tmp_path: Path) -> None:
    rows = [f"{'C' * n}{end},{int(end == 'N')},{n % 2 if n > 4 else ''},{n}" for n in range(1, 21) for end in "OCN"]
    (tmp_path / "two.csv").write_text("smiles,amine,odd,w\n" + "\n".join(rows))
    run = mlp(dataset=tmp_path / "two.csv", target_columns=["amine", "odd"], weight_column="w", loss="bce", out="run")
    assert next(iter(run.metrics["test"])) == "ap"
    assert list(xgraph.predict("run", ["CCN"]).columns) == ["smiles", "amine", "odd", "error"]


def test_classes(mlp: Train, tmp_path: Path) -> None:
    ends = {"O": "alcohol", "N": "amine", "C": "alkane"}
    rows = [f"{'C' * n}{end},{kind}" for n in range(2, 30) for end, kind in ends.items()]
    (tmp_path / "kinds.csv").write_text("smiles,kind\n" + "\n".join(rows))
    run = mlp(dataset=tmp_path / "kinds.csv", task="multiclass", pretrain_epochs=0, epochs=30, lr=0.01, out="run")
    assert (run.config.loss, run.metrics["classes"]) == ("ce", ["alcohol", "alkane", "amine"])
    assert run.metrics["test"]["accuracy"] > 0.8


def test_default_features() -> None:
    assert build_config({"model": "mlp"}).features == ["rdkit", "morgan", "maccs"]
    base = build_config({"model": "mlp"}).to_dict()
    assert build_config({"model": "gine"}, base).features is None
    assert build_config({"model": "mlp", "features": "torsion"}).features == ["torsion"]


def test_constant_features_are_refused(mlp: Train, tmp_path: Path) -> None:
    (tmp_path / "same.csv").write_text("smiles,y\n" + "".join(f"CCO,{i % 2}\n" for i in range(40)))
    with pytest.warns(UserWarning, match="same"), pytest.raises(ValueError, match="maccs: they are the same for all"):
        mlp(dataset=tmp_path / "same.csv", out="run")


def test_molecules_without_smiles_are_refused() -> None:
    data = MoleculeDataset.from_smiles(["CCO", "CCN"])
    with pytest.raises(ValueError, match="the molecules have no features; call with_features first"):
        data.feature_batch([0])


def test_it_cannot_be_pretrained() -> None:
    from xgraph.training.pretraining.settings import pretrainable

    assert "mlp" not in pretrainable()
    with pytest.raises(OptionError, match="model 'mlp' has no molecular encoder to pretrain"):
        xgraph.pretrain("nci-pains", model="mlp")
