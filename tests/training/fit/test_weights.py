"""A column of weights: from the table to the loss."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import xgraph
from xgraph.data import BagDataset, LabelRules, MoleculeDataset, load, read_bags, read_table
from xgraph.options import OptionError

SMALL: dict[str, Any] = {"epochs": 2, "hidden_channels": 8, "num_layers": 2, "split": "random", "batch_size": 16}


def write(path: Path, weight: Any) -> Path:
    ends = [("C" * n, end) for n in range(1, 20) for end in "OCN"]
    rows = [f"{chain}{end},{int(end == 'N')},{weight(i, end)}" for i, (chain, end) in enumerate(ends)]
    path.write_text("smiles,amine,w\n" + "\n".join(rows))
    return path


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_weights_are_read_and_are_no_labels() -> None:
    data = load(write(Path("t.csv"), lambda i, end: i % 2), weight_column="w", split="random")
    assert isinstance(data, MoleculeDataset)
    assert data.task_names == ["amine"]
    assert data.weight is not None
    assert data.weight.tolist() == [i % 2 for i in range(57)]


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("-1", r"column 'w' of .* has '-1' in data row 7"),
        ("inf", "has 'inf' in data row 7"),
        ("x", "has 'x' in data row 7"),
        ("", "1 rows of .* have no weight, the first is data row 7"),
    ],
)
def test_a_bad_weight_is_named_with_its_row(cell: str, message: str) -> None:
    path = write(Path("t.csv"), lambda i, end: cell if i == 7 else 1)
    with pytest.raises(ValueError, match=message):
        read_table(path, rules=LabelRules(weight_column="w"))
    with pytest.raises(ValueError, match="weight_column 'v' does not exist"):
        read_table(path, rules=LabelRules(weight_column="v"))


def history(path: Path) -> str:
    lines = (path / "metrics.csv").read_text().splitlines()
    seconds = lines[0].split(",").index("seconds")
    return "\n".join(",".join(cell for i, cell in enumerate(line.split(",")) if i != seconds) for line in lines)


@pytest.mark.parametrize("loss", ["bce", "soap"])
def test_weights_reach_the_loss_and_only_their_ratio_counts(loss: str) -> None:
    equal = write(Path("equal.csv"), lambda i, end: 4)
    varied = write(Path("varied.csv"), lambda i, end: 1 + i % 3)
    plain = xgraph.train(equal, target_columns=["amine"], loss=loss, out="plain", **SMALL)
    same = xgraph.train(equal, weight_column="w", loss=loss, out="same", **SMALL)
    other = xgraph.train(varied, weight_column="w", loss=loss, out="other", **SMALL)
    assert same.config.weight_column == "w"
    assert np.loadtxt(plain.path / "metrics.csv", delimiter=",", skiprows=1, usecols=2) == pytest.approx(
        np.loadtxt(same.path / "metrics.csv", delimiter=",", skiprows=1, usecols=2), rel=1e-5
    )
    assert history(same.path) != history(other.path)
    rows = [line.rpartition(",")[0] for line in varied.read_text().splitlines()]
    Path("new.csv").write_text("\n".join(rows))
    assert 0 <= xgraph.evaluate(other.path, data="new.csv")["ap"] <= 1  # a table without weights
    assert xgraph.evaluate(other.path) == other.metrics["test"]


def test_fitted_models_take_weights() -> None:
    path = Path("t.csv")  # labels that cannot be learned, so that the forest is never sure
    rows = [f"{'C' * (i % 10 + 1)}{'ON'[i % 2]},{i * 7 % 5 // 3},{i % 4}" for i in range(60)]
    path.write_text("smiles,y,w\n" + "\n".join(rows))
    options: dict[str, Any] = {"model": "forest", "trees": 5, "split": "random", "features": ["maccs", "rdkit"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # molecules are repeated
        plain = xgraph.train(path, target_columns=["y"], out="plain", **options)
        weighted = xgraph.train(path, weight_column="w", out="weighted", **options)
    scores = [xgraph.predict(run.path, ["CCCO", "CCN", "CCCCO"])["y"].tolist() for run in (plain, weighted)]
    assert scores[0] != scores[1]


def test_compositional_training_takes_weights() -> None:
    path = write(Path("t.csv"), lambda i, end: 1 + i % 2)
    options = {**SMALL, "epochs": 1}
    run = xgraph.train(path, weight_column="w", schedule="compositional", loss="auc-margin", out="run", **options)
    assert run.metrics["tasks"] == ["amine"]


def test_a_loss_without_weights_refuses_them() -> None:
    path = write(Path("t.csv"), lambda i, end: 1)
    with pytest.raises(OptionError, match="weight_column: loss 'staco' cannot weight items; losses that can: .*soap"):
        xgraph.train(path, weight_column="w", loss="staco", out="run", **SMALL)
    zero = write(Path("zero.csv"), lambda i, end: 0)
    with pytest.raises(ValueError, match="all weights in the training part of 'zero' are 0"):
        xgraph.train(zero, weight_column="w", out="run", **SMALL)


def test_bags() -> None:
    rng = np.random.default_rng(0)
    rows = [f"b{i},{i % 2},{1 + i % 3},{rng.normal() + i % 2:.3f}" for i in range(40) for _ in range(2)]
    Path("bags.csv").write_text("bag,label,w,u\n" + "\n".join(rows))
    data = read_bags("bags.csv", rules=LabelRules(weight_column="w"))
    assert isinstance(data, BagDataset)
    assert data.feature_names == ["u"]
    assert data.weight is not None
    assert data.weight[:4].tolist() == [1, 2, 3, 1]
    run = xgraph.train("bags.csv", bag_column="bag", weight_column="w", epochs=2, out="run")
    assert run.metrics["tasks"] == ["label"]
    assert len(xgraph.predict(run.path, "bags.csv")) == 40
    Path("bags.csv").write_text("bag,label,w,u\na,1,1,0\na,1,2,0\nb,0,1,0\n")
    with pytest.raises(ValueError, match="weights differ within bag 'a': column 'w' is 1 in data row 0 and 2 in"):
        read_bags("bags.csv", rules=LabelRules(weight_column="w"))
    Path("bags.csv").write_text("bag,label,w,u\na,1,1,0\na,1,,0\nb,0,,0\n")
    with pytest.raises(ValueError, match="1 rows of the table have no weight, the first is data row 2"):
        read_bags("bags.csv", rules=LabelRules(weight_column="w"))


def test_a_data_set_with_weights_of_its_own() -> None:
    features = torch.randn(20, 2, generator=torch.Generator().manual_seed(0))
    y = torch.arange(10) % 2
    data = BagDataset(features, bag=torch.arange(20) // 2, y=y, weight=torch.arange(10.0), name="own")
    run = xgraph.train(data, epochs=1, out="run", batch_size=4)
    assert run.metrics["tasks"] == ["y"]
    with pytest.raises(ValueError, match="weight must hold 10 finite numbers of 0 or more"):
        BagDataset(features, bag=torch.arange(20) // 2, y=y, weight=-torch.arange(10.0))
