"""Standardisation of continuous targets, and models that predict in their units."""

import copy
import io

import pytest
import torch
from torch_geometric.data import Data

from xgraph.data import MoleculeDataset
from xgraph.nn import GINE, MLP, AttentionModel, GraphSAGE, MaxModel, TargetScale, layerwise, target_statistics

NAN = float("nan")


def test_statistics_are_those_of_the_known_numbers():
    y = torch.tensor([[1e6, 3.0, NAN, 0.1], [1e6 + 2, NAN, NAN, 0.1], [1e6 + 4, 7.0, NAN, 0.1]])
    mean, std = target_statistics(y)
    torch.testing.assert_close(mean, torch.tensor([1e6 + 2, 5.0, 0.0, 0.1]))
    torch.testing.assert_close(std, torch.tensor([(8 / 3) ** 0.5, 2.0, 1.0, 1.0]))
    assert [part.tolist() for part in target_statistics(y[:0])] == [[0.0] * 4, [1.0] * 4]


def test_units_and_standardised_numbers_are_inverse():
    scale = TargetScale(2)
    y = torch.tensor([[1.0, -20.0], [5.0, 40.0]])
    assert torch.equal(scale(y), y)
    assert torch.equal(scale.standardise(y), y)
    scale.fit(*target_statistics(y))
    assert scale.standardise(y).tolist() == [[-1.0, -1.0], [1.0, 1.0]]
    assert torch.equal(scale(scale.standardise(y)), y)
    file = io.BytesIO()
    torch.save(scale.state_dict(), file)
    file.seek(0)
    other = TargetScale(2)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(other(y), scale(y))
    assert torch.equal(copy.deepcopy(scale)(y), scale(y))
    assert not list(scale.parameters())


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        ([0.0], [1.0, 1.0], r"mean must have shape \[2\], got \[1\]"),
        ([0.0, NAN], [1.0, 1.0], "mean must be finite"),
        ([0.0, 0.0], [1.0, 0.0], "std must be finite and positive"),
    ],
)
def test_wrong_statistics_are_refused(mean, std, message):
    with pytest.raises(ValueError, match=message):
        TargetScale(2).fit(torch.tensor(mean), torch.tensor(std))


def models():
    """A model of each kind, with a batch of it."""
    torch.manual_seed(0)
    molecules = MoleculeDataset.from_smiles(["CCO", "c1ccccc1", "CC(=O)O"]).batch([0, 1, 2])
    graph = Data(x=torch.randn(4, 3), edge_index=torch.tensor([[0, 1, 2, 3], [1, 2, 3, 0]]))
    bags = Data(x=torch.randn(5, 3), batch=torch.tensor([0, 0, 1, 1, 1]), idx=torch.tensor([0, 1]))
    table = Data(features=torch.randn(4, 3))
    return {
        "gine": (GINE(2, hidden_channels=8, num_layers=1), molecules),
        "sage": (GraphSAGE(2, in_channels=3, hidden_channels=8), graph),
        "attention": (AttentionModel(2, (3,)), bags),
        "max": (MaxModel(2, (3,)), bags),
        "mlp": (MLP(2, 3), table),
    }


@pytest.mark.parametrize("name", ["gine", "sage", "attention", "max", "mlp"])
def test_a_model_predicts_in_the_units_of_its_targets(name):
    model, batch = models()[name]
    model.eval()
    with torch.no_grad():
        plain = model(batch)
        model.predict_numbers()
        assert torch.equal(model(batch), plain)
        mean, std = torch.tensor([10.0, -3.0]), torch.tensor([2.0, 0.5])
        model.target_scale.fit(mean, std)
        torch.testing.assert_close(model(batch), plain * std + mean)
        assert {"target_scale.mean", "target_scale.std"} <= model.state_dict().keys()


def test_every_way_to_score_is_in_the_same_units():
    made = models()
    for name in ("attention", "max"):
        model, batch = made[name]
        model.eval().predict_numbers()
        model.target_scale.fit(torch.tensor([10.0, -3.0]), torch.tensor([2.0, 0.5]))
        with torch.no_grad():
            logits = model(batch)
            told, one = model.explain(batch), model.predict_bag(batch.x[2:])
            torch.testing.assert_close(told[0], logits)
            torch.testing.assert_close(one[0], logits[1])
            torch.testing.assert_close(told[1], model.instance_scores(batch))
            torch.testing.assert_close(one[1], model.instance_scores(batch)[2:])
    model, graph = made["sage"]
    model.eval().predict_numbers()
    model.target_scale.fit(torch.tensor([10.0, -3.0]), torch.tensor([2.0, 0.5]))
    with torch.no_grad():
        torch.testing.assert_close(layerwise(model, graph.x, graph.edge_index), model(graph))
