import numpy as np
import pytest
import torch
from torch_geometric.data import Batch

from xgraph.data import JoinedDataset, MoleculeDataset, join
from xgraph.data.molecules.joined import Counts
from xgraph.data.molecules.table import Table

NAN = float("nan")


def data(name: str, smiles: list[str], y: list[list[float]], tasks: list[str], **options: bool) -> MoleculeDataset:
    table = Table(smiles, np.array(y, dtype=np.float32).reshape(len(smiles), len(tasks)), tasks, np.arange(len(smiles)))
    return MoleculeDataset.from_table(table, name=name, **options)


ONE = data("one", ["CCO", "C[C@H](N)C(=O)O", "c1ccccc1", "CC.O"], [[0, 1], [1, NAN], [NAN, 0], [1, 1]], ["a", "b"])
TWO = data("two", ["C[C@@H](N)C(=O)[O-].[Na+]", "CCN", "OCC"], [[1], [0], [NAN]], ["a"])


def test_join_keeps_each_molecule_once_with_all_labels() -> None:
    both = join([ONE, TWO])
    assert isinstance(both, JoinedDataset)
    assert both.name == "one+two"
    assert both.task_names == ["one/a", "one/b", "two/a"]
    assert both.sources == ["one", "one", "two"]
    assert both.smiles == ["CCO", "C[C@H](N)C(=O)O", "c1ccccc1", "CC.O", "CCN"]
    expected = [[0, 1, NAN], [1, NAN, 1], [NAN, 0, NAN], [1, 1, NAN], [NAN, NAN, 0]]
    torch.testing.assert_close(both.y, torch.tensor(expected), equal_nan=True)
    assert both.row.tolist() == [0, 1, 2, 3, 1]
    assert both.counts == Counts(given=7, excluded=0, repeated=2, conflicts=0)
    assert both.metric == "roc_auc"


def test_graphs_come_from_the_first_data_set_with_the_molecule() -> None:
    both = join([ONE, TWO])
    whole = both.batch(range(5))
    graphs = [data.graphs.graph(i) for data, i in ((ONE, 0), (ONE, 1), (ONE, 2), (ONE, 3), (TWO, 1))]
    parts = Batch.from_data_list(graphs)
    for name in ("x", "edge_index", "edge_attr", "batch", "ptr"):
        assert torch.equal(whole[name], parts[name])
    other = join([TWO, ONE])
    assert torch.equal(other[0].x, TWO[0].x)
    assert other.smiles[0] == "C[C@@H](N)C(=O)[O-].[Na+]"


def test_contradictory_labels_of_one_data_set_are_missing() -> None:
    smiles = ["F[C@H](Cl)Br", "F[C@@H](Cl)Br", "CCO", "OCC", "CCN", "CCN"]
    y = [[0, 1], [1, 1], [NAN, 0], [1, NAN], [0, NAN], [0, NAN]]
    one = data("one", smiles, y, ["a", "b"])
    joined = join([one])
    torch.testing.assert_close(joined.y, torch.tensor([[NAN, 1], [1, 0], [0, NAN]]), equal_nan=True)
    assert joined.counts == Counts(given=6, excluded=0, repeated=3, conflicts=1)
    two = data("two", ["FC(Cl)Br"], [[0]], ["a"])
    assert join([one, two]).y[0].nan_to_num(9).tolist() == [9, 1, 0], "another data set may say another thing"


@pytest.mark.parametrize(
    "unwanted",
    ["CC(N)C(=O)O", "[K+].[O-]C(=O)[C@@H](N)C", "C[C@H]([NH3+])C(=O)[O-]", "[13CH3:1][CH:2]([NH2:3])C(=O)O[2H]"],
)
def test_excluded_molecules_match_in_any_notation(unwanted: str) -> None:
    both = join([ONE, TWO], exclude=[unwanted, "C1CC", "unreadable"])
    assert both.smiles == ["CCO", "c1ccccc1", "CC.O", "CCN"]
    assert both.counts == Counts(given=7, excluded=2, repeated=1, conflicts=0)
    expected = [[0, 1, NAN], [NAN, 0, NAN], [1, 1, NAN], [NAN, NAN, 0]]
    torch.testing.assert_close(both.y, torch.tensor(expected), equal_nan=True)


def test_columns_without_labels_are_dropped() -> None:
    both = join([ONE, TWO], exclude=["CC(N)C(=O)O", "CCN"])
    assert both.task_names == ["one/a", "one/b"]
    assert both.sources == ["one", "one"]
    assert both.y.shape == (3, 2)


def test_excluding_all_molecules_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"none of the 3 molecules remain \(3 were excluded\)"):
        join([TWO], exclude=TWO.smiles)


def test_errors_name_their_data_set() -> None:
    one = data("one", ["CCO", "C1CC"], [[0], [1]], ["a"])
    (error,) = join([one, TWO]).errors
    assert (error.row, error.smiles) == (1, "C1CC")
    assert error.message.startswith("one: RDKit")


def test_without_labels() -> None:
    joined = join([MoleculeDataset.from_smiles(["CCO", "OCC", "C"])])
    assert joined.y.shape == (2, 0)
    assert joined.task_names == []


def test_many_molecules_keep_their_labels() -> None:
    """Against a plain dictionary."""
    rng = np.random.default_rng(0)
    parts, expected = [], {}
    for name in ("a", "b", "c"):
        smiles = [
            f"{'C' * int(n)}{end}"
            for n, end in zip(rng.integers(1, 30, 80), rng.choice(["O", "N", "F"], 80), strict=True)
        ]
        y = rng.choice([0.0, 1.0, NAN], (80, 2), p=[0.5, 0.1, 0.4])
        parts.append(data(name, smiles, y.tolist(), ["x", "y"]))
        for text, row in zip(smiles, y, strict=True):
            for task, value in zip("xy", row, strict=True):
                if value == value:
                    expected.setdefault((text, f"{name}/{task}"), set()).add(value)
    both = join(parts)
    assert len(both) == len({text for part in parts for text in part.smiles})
    conflicts = 0
    for i, text in enumerate(both.smiles):
        for t, task in enumerate(both.task_names):
            values = expected.get((text, task), set())
            conflicts += len(values) == 2
            value = both.y[i, t].item()
            assert ({value} == values) if len(values) == 1 else value != value
    assert both.counts.conflicts == conflicts > 0


def test_incompatible_data_sets_are_rejected() -> None:
    with pytest.raises(ValueError, match="datasets must contain at least one"):
        join([])
    with pytest.raises(ValueError, match="different names, got one, one"):
        join([ONE, ONE])
    with pytest.raises(ValueError, match="must have the same features"):
        join([ONE, data("standard", ["C"], [[1]], ["a"], standardize=True)])
