import pytest
import torch
from torch_geometric.data import Data
from torch_geometric.utils import from_smiles

from xgraph.data import MoleculeDataset
from xgraph.data.molecules.pyg import molecules_of_graphs

SMILES = ["CCO", "c1ccccc1N", "C[C@H](N)C(=O)O", "[Na+].[Cl-]"]


def graphs() -> list[Data]:
    """OGB's features, without SMILES."""
    data = MoleculeDataset.from_smiles(SMILES)
    listed = [data[i] for i in range(len(data))]
    for i, one in enumerate(listed):
        one.y = torch.tensor([i % 2])
    return listed


def test_graphs_with_the_features_of_ogb_are_packed_as_they_are() -> None:
    data = molecules_of_graphs(graphs())
    expected = MoleculeDataset.from_smiles(SMILES).batch(range(4))
    batch = data.batch(range(4))
    for name in ("x", "edge_index", "edge_attr", "batch"):
        assert torch.equal(batch[name], expected[name])
    assert data.y.tolist() == [[0], [1], [0], [1]]
    assert data.smiles == [""] * 4


def test_edges_may_be_in_any_order() -> None:
    listed = graphs()
    for one in listed:
        order = torch.randperm(one.edge_index.size(1), generator=torch.Generator().manual_seed(0))
        one.edge_index, one.edge_attr = one.edge_index[:, order], one.edge_attr[order]
    data = molecules_of_graphs(listed)
    for i in range(4):
        pairs = [torch.cat([g.edge_index.T, g.edge_attr], dim=1).tolist() for g in (data[i], graphs()[i])]
        assert sorted(pairs[0]) == sorted(pairs[1])


def test_molecules_with_smiles_are_read_from_these_because_pygs_own_features_are_others() -> None:
    listed = [from_smiles(text) for text in (*SMILES, "C1CC")]
    for one in listed:
        one.y = torch.tensor([[1.0, float("nan")]])
    listed[4].smiles = "C1CC"
    data = molecules_of_graphs(listed)
    expected = MoleculeDataset.from_smiles(SMILES)
    assert torch.equal(data.batch(range(4)).x, expected.batch(range(4)).x)
    assert not torch.equal(listed[0].x, data[0].x)
    assert (data.num_tasks, len(data), data.errors[0].row) == (2, 4, 4)


def test_floats_are_numbers_and_integers_are_classes() -> None:
    listed, values = graphs(), [0.5, float("nan"), -1.0, 3.0]
    for one, value in zip(listed, values, strict=True):
        one.y = torch.tensor([[value, 2 * value]])
    data = molecules_of_graphs(listed)
    assert (data.task, data.metric, data.task_names) == ("regression", "r2", ["y0", "y1"])
    assert data.y.nan_to_num(9).tolist() == [[0.5, 1], [9, 9], [-1, -2], [3, 6]]
    assert data.notes["y0"] == "numbers from -1 to 3: regression"
    with pytest.raises(ValueError, match="labels must be 0, 1 or NaN .missing., got 0.5 for graph 0"):
        molecules_of_graphs(listed, task="binary")
    for one, number in zip(listed, (2, 0, -1, 2), strict=True):
        one.y = torch.tensor([number])
    data = molecules_of_graphs(listed)
    assert (data.task, data.task_names, data.y.argmax(1)[[0, 1, 3]].tolist()) == (
        "multiclass",
        ["0", "1", "2"],
        [2, 0, 2],
    )
    assert data.y[2].isnan().all()
    assert molecules_of_graphs(listed, task="regression").y.flatten().tolist() == [2, 0, -1, 2]
    for one in listed:
        one.y = torch.tensor([2.5])
    with pytest.raises(ValueError, match="y is 2.5 for all 4 labelled items, so that there is nothing to learn"):
        molecules_of_graphs(listed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"x": torch.randn(3, 4)},
            r"x of graph 0 must be integers of shape \[n, 9\], got torch.float32 .*2graph",
        ),
        ({"x": torch.full((3, 9), 200)}, "x of graph 0 must be below 119 in column 0, got 200"),
        ({"x": None}, r"shape \[n, 9\], got nothing"),
        ({"edge_attr": torch.zeros(4, 1).long()}, r"edge_attr of graph 0 must be integers of shape \[n, 3\]"),
        ({"edge_index": torch.tensor([[0, 1, 1, 2], [1, 0, 2, 9]])}, "outside 0 to 2"),
        ({"edge_index": torch.tensor([[0, 1, 1, 1], [1, 0, 2, 2]])}, "each bond in both directions"),
        ({"edge_index": torch.tensor([[0, 1, 1, 2], [1, 0, 1, 1]])}, "each bond in both directions"),
        ({"y": torch.tensor([-2])}, "0, 1 or NaN .*, got -2 for graph 0; task 'regression' takes numbers"),
        ({"y": torch.tensor([2000])}, r"from 0 to 999, or -1 .missing.; got \[2000\] for graph 0"),
        ({"y": torch.tensor([float("inf")])}, "finite numbers of 32 bits, .* got inf for item 0"),
        ({"y": None}, "graph 0 has no labels"),
        ({"y": torch.tensor([0, 1])}, "2 for graph 0 and 1 for graph 1"),
    ],
)
def test_other_graphs_are_refused_with_what_would_do(change: dict[str, object], message: str) -> None:
    listed = graphs()
    for name, value in change.items():
        listed[0][name] = value
    with pytest.raises(ValueError, match=message):
        molecules_of_graphs(listed)


def test_what_is_no_list_of_graphs_is_refused() -> None:
    with pytest.raises(ValueError, match="graphs is empty"):
        molecules_of_graphs([])
    with pytest.raises(TypeError, match=r"got 'CCO' \(str\)"):
        molecules_of_graphs([*graphs(), "CCO"])  # type: ignore[list-item]
