"""Explanations of runs that predict numbers: attributions are in the units of the target."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch_geometric.data import Batch, Data

import xgraph
from xgraph.data import BagDataset, MoleculeDataset
from xgraph.explanations.bags import of_bag
from xgraph.explanations.drawing import legend
from xgraph.explanations.scored import OfRows
from xgraph.nn import BagClassifier

SMILES = ["CCCN", "CCO"]
SHORT: dict[str, Any] = {"split": "random", "threads": 1, "device": "cpu", "baseline": False}


@pytest.fixture(scope="module")
def lengths(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("numbers") / "lengths.csv"
    rows = [f"{'C' * n}{end},{1000 + 20.5 * n + 7 * (end == 'N')}\n" for n in range(1, 15) for end in "OCN"]
    path.write_text("smiles,length\n" + "".join(rows))
    return path


@pytest.fixture(scope="module")
def network(lengths: Path) -> Path:
    options = {"epochs": 2, "hidden_channels": 8, "num_layers": 2, "batch_size": 16}
    return xgraph.train(lengths, out=lengths.parent / "network", **SHORT, **options).path


@pytest.fixture(scope="module")
def forest(lengths: Path) -> Path:
    options = {"model": "forest", "features": ["morgan"], "trees": 10}
    return xgraph.train(lengths, out=lengths.parent / "forest", **SHORT, **options).path


def test_gradients_add_up_to_the_difference_of_predictions(network: Path) -> None:
    frame = xgraph.explain(network, SMILES, steps=300)
    assert frame.attrs["unit"] == "the units of the target"
    assert legend(frame.attrs["unit"]).startswith("Orange atoms raise the prediction,")
    assert frame["score"].between(900, 1400).all()
    model = xgraph.load_model(network)
    scored, batch = OfRows(model, 0, "identity"), MoleculeDataset.from_smiles(SMILES).batch([0, 1])
    atoms, bonds = scored.rows(batch)
    with torch.no_grad():
        gap = scored(atoms, batch.edge_index, bonds, batch) - scored(0 * atoms, batch.edge_index, 0 * bonds, batch)
    sums = frame.groupby("item")["attribution"].sum()
    np.testing.assert_allclose(sums, gap.numpy(), rtol=0.05, atol=0.02 * float(model.target_scale.std[0]))


def test_leaving_out_an_atom_is_a_difference_of_predictions(network: Path) -> None:
    frame = xgraph.explain(network, ["NCCO"], method="leave-one-out")
    model = xgraph.load_model(network)
    graph = MoleculeDataset.from_smiles(["NCCO"]).batch([0])[0]

    def predicted(atoms: list[int]) -> float:
        with torch.no_grad():
            return float(model(Batch.from_data_list([graph.subgraph(torch.tensor(atoms))]))[0, 0])

    expected = [predicted([0, 1, 2, 3]) - predicted([i for i in range(4) if i != left]) for left in range(4)]
    np.testing.assert_allclose(frame[frame["part"] == "atom"]["attribution"], expected, atol=1e-2)


def test_forests_are_explained_in_the_units_of_the_target(forest: Path) -> None:
    model = xgraph.load_model(forest)
    frame = xgraph.explain(forest, SMILES, method="leave-one-out")
    assert frame.attrs["unit"] == "the units of the target"
    assert frame["score"].iloc[0] == pytest.approx(float(xgraph.predict(forest, SMILES)["length"].iloc[0]), rel=1e-6)
    importance = xgraph.explain(forest, ["C"], method="permutation")
    assert importance.attrs["unit"] == "RMSE"
    assert importance["attribution"].max() > 0.01 * float(model.target_scale.std[0])


def test_shap_values_of_numbers_add_up(forest: Path) -> None:
    pytest.importorskip("shap")
    from types import SimpleNamespace

    from xgraph.explanations.molecules import background
    from xgraph.training.prediction.members import Members

    frame = xgraph.explain(forest, SMILES, method="shap")
    members = Members.read(forest, "cpu", False)
    rows = background(members.states[0], members.paths[0])
    mean = float(xgraph.load_model(forest)(SimpleNamespace(features=rows)).mean())
    sums = frame[frame["part"] == "feature"].groupby("item")["attribution"].sum()
    for item in range(len(SMILES)):
        own = frame[frame["item"] == item]["score"].iloc[0]
        assert sums[item] == pytest.approx(own - mean, abs=1e-3)


@pytest.mark.parametrize("pooling", ["attention", "mean", "max", "smoothed-max"])
def test_leaving_an_instance_out_of_a_bag_with_a_number(pooling: str) -> None:
    torch.manual_seed(1)
    x = torch.randn(5, 3)
    model = BagClassifier(1, 3, hidden_channels=8, pooling=pooling).eval()  # type: ignore[arg-type]
    model.predict_numbers()
    assert model.target_scale is not None
    model.target_scale.fit(torch.tensor([-30.0]), torch.tensor([12.0]))
    data = BagDataset(x, [0, 5], [0])
    score, _, _, share, fall = of_bag(model, model, data, 0, "identity", "cpu")

    def predicted(rows: torch.Tensor) -> float:
        batch = Data(x=rows, batch=torch.zeros(len(rows), dtype=torch.long), num_bags=1)
        with torch.no_grad():
            return float(model(batch)[0, 0])

    expected = [predicted(x) - predicted(torch.cat([x[:i], x[i + 1 :]])) for i in range(5)]
    np.testing.assert_allclose(fall[:, 0], expected, atol=1e-4)
    assert score[0] == pytest.approx(predicted(x), abs=1e-4)
    if model.attends:
        assert share.sum() == pytest.approx(score[0], abs=1e-4)
