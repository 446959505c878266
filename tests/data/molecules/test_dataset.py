import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from rdkit import Chem
from torch.utils.data import DataLoader
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader as PyGLoader

from tests.data.molecules.test_molecule import graph_of, nci
from tests.data.molecules.test_packed import assert_batch_equal
from xgraph.data.molecules import items as module
from xgraph.data.molecules import parsed
from xgraph.data.molecules.dataset import MoleculeDataset
from xgraph.data.molecules.features.describe import Describing, Refused, describe, described, descriptor_names
from xgraph.data.molecules.molecule import FEATURIZER
from xgraph.data.molecules.splits import SplitOverlapWarning
from xgraph.data.molecules.table import RowError, Table

SMILES = ["CCO", "C1CC", "c1ccccc1", "C", "CN(C)(C)(C)C", "CC(=O)[O-].[Na+]"]

CANONICAL = f"{FEATURIZER}+canonical/1"


def table(smiles: list[str] = SMILES, tasks: int = 2, rows: list[int] | None = None) -> Table:
    y = np.arange(len(smiles) * tasks, dtype=np.float32).reshape(-1, tasks) % 2
    y[0, 0] = np.nan
    row = np.array(range(10, 10 + len(smiles)) if rows is None else rows, dtype=np.int64)
    return Table(smiles, y, [f"t{i}" for i in range(tasks)], row, [RowError(9, "", "blank")])


def large() -> Table:
    smiles = nci()[:700]
    return Table(smiles, np.zeros((700, 1), np.float32), ["t"], np.arange(700))


@pytest.fixture(scope="module")
def data() -> MoleculeDataset:
    return MoleculeDataset.from_table(table(), name="six", metric="roc_auc")


def test_attributes(data: MoleculeDataset) -> None:
    assert (len(data), data.kind, data.num_tasks, data.task_names) == (4, "graph", 2, ["t0", "t1"])
    assert (data.name, data.metric, data.featurizer) == ("six", "roc_auc", CANONICAL)
    assert list(data.smiles) == [SMILES[i] for i in (0, 2, 3, 5)]
    assert data.row.tolist() == [10, 12, 13, 15]
    assert data.y.dtype == torch.float32
    assert np.array_equal(data.y, table().y[[0, 2, 3, 5]], equal_nan=True)
    assert [(error.row, error.smiles) for error in data.errors] == [(9, ""), (11, "C1CC"), (14, "CN(C)(C)(C)C")]
    assert "valence" in data.errors[2].message
    assert repr(data) == "MoleculeDataset('six', molecules=4, tasks=2, errors=3)"


def test_items(data: MoleculeDataset) -> None:
    item = data[1]
    expected = graph_of("c1ccccc1")
    assert torch.equal(item.x, expected.x)
    assert torch.equal(item.edge_attr, expected.edge_attr)
    assert item.y.shape == (1, 2)
    assert item.idx.tolist() == [1]
    assert data[-1].idx.tolist() == [3]
    for wrong in (4, -5):
        with pytest.raises(IndexError, match=f"position {wrong} is out of range: six has 4 molecules"):
            data[wrong]


@pytest.mark.parametrize("positions", [[0, 1, 2, 3], [2, 2], [-1], torch.tensor([1, 0]), np.array([3], np.int32)])
def test_batch_matches_pyg(data: MoleculeDataset, positions: list[int]) -> None:
    expected = Batch.from_data_list([data[int(i)] for i in positions])
    batch = data.batch(positions)
    assert torch.equal(batch.idx, expected.idx)
    assert torch.equal(batch.y.nan_to_num(9), expected.y.nan_to_num(9))
    batch.y, expected.y = batch.y.nan_to_num(9), expected.y.nan_to_num(9)
    assert_batch_equal(batch, expected)
    assert len(batch.to_data_list()) == len(positions)


def test_batch_rejects_invalid_positions(data: MoleculeDataset) -> None:
    empty = data.batch([])  # the share of a process that has no molecule in this step
    assert (len(empty.x), len(empty.y), len(empty.idx), empty.num_graphs) == (0, 0, 0, 0)
    with pytest.raises(IndexError, match="position 4 is out of range"):
        data.batch([0, 4])


@pytest.mark.parametrize("workers", [0, 1])
def test_loaders(data: MoleculeDataset, workers: int) -> None:
    (one,) = PyGLoader(data, batch_size=4, num_workers=workers)
    positions = torch.tensor([0, 1, 2, 3])
    (two,) = DataLoader(positions, batch_size=4, collate_fn=data.batch, num_workers=workers)
    one.y, two.y = one.y.nan_to_num(9), two.y.nan_to_num(9)
    assert_batch_equal(one, two)


def test_splits_refer_to_source_rows() -> None:
    data = MoleculeDataset.from_table(table(), name="s", splits={"train": [15, 11, 10], "test": np.array([13])})
    assert data.splits["train"].tolist() == [3, 0]  # row 11 cannot be parsed
    assert data.splits["test"].tolist() == [2]
    assert data.splits["train"].dtype == torch.int64


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"train": [10, 16]}, "'train' refers to row 16, which is not in the table"),
        ({"train": [-1]}, "'train' refers to row -1, which"),
        ({"train": [3]}, "'train' refers to row 3, which"),
        ({"train": [10], "test": [12, 10]}, "row 10 is in both splits 'train' and 'test'"),
    ],
)
def test_invalid_splits_are_rejected(splits: dict[str, list[int]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MoleculeDataset.from_table(table(), name="s", splits=splits)


def test_overlap_gives_a_warning() -> None:
    with pytest.warns(SplitOverlapWarning, match="1 molecules are in more than one of train, test"):
        MoleculeDataset.from_table(table(["CCO", "OCC", "C"]), name="s", splits={"train": [10], "test": [11, 12]})


def test_parsed_molecules_are_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = MoleculeDataset.from_table(large(), name="l", root=tmp_path)
    monkeypatch.setattr(parsed, "featurize", lambda *a, **k: pytest.fail("parsed again"))
    again = MoleculeDataset.from_table(large(), name="l", root=tmp_path)
    assert_batch_equal(first.batch(range(len(first))), again.batch(range(len(first))))
    assert first.errors == again.errors
    assert len(list((tmp_path / "processed").iterdir())) == 1
    with pytest.raises(pytest.fail.Exception):
        MoleculeDataset.from_table(large(), name="l", root=tmp_path, standardize=True)


def test_environment_variable_sets_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path))
    MoleculeDataset.from_table(large(), name="l")
    assert (tmp_path / "processed").is_dir()


def test_small_sets_are_not_cached(tmp_path: Path) -> None:
    MoleculeDataset.from_table(table(), name="few", root=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_warning_from_mapped_arrays(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MoleculeDataset.from_table(large(), name="l", root=tmp_path)
        again = MoleculeDataset.from_table(large(), name="l", root=tmp_path)
        again.batch([0, 1])
        again[0]
        assert_batch_equal(pickle.loads(pickle.dumps(again)).batch([5, 2]), again.batch([5, 2]))


def test_standardized() -> None:
    data = MoleculeDataset.from_table(table(), name="s", standardize=True)
    assert torch.equal(data[3].x, graph_of("CC(=O)O").x)
    assert data.smiles[3] == "CC(=O)[O-].[Na+]"
    assert data.featurizer == f"{CANONICAL}+standard"
    assert [error.row for error in data.errors] == [9, 11, 14]


def test_from_smiles_keeps_count_of_every_input() -> None:
    inputs = ["CCO", "", None, float("nan"), "  C ", 3, "x\n", "CC\n"]
    data = MoleculeDataset.from_smiles(inputs)
    assert data.row.tolist() == [0, 4, 7]
    assert [error.row for error in data.errors] == [1, 2, 3, 5, 6]
    assert [error.message for error in data.errors][:4] == ["the SMILES is empty"] * 3 + ["expected a string, got int"]
    assert data.y.shape == (3, 0)
    assert len(MoleculeDataset.from_smiles([])) == len(MoleculeDataset.from_smiles(["x"])) == 0


def test_from_smiles_needs_a_sequence() -> None:
    with pytest.raises(TypeError, match="got a single string"):
        MoleculeDataset.from_smiles("CCO")


def test_table_without_valid_molecules_is_an_error() -> None:
    with pytest.raises(ValueError, match="bad: none of the 2 molecules can be parsed; row 9"):
        MoleculeDataset.from_table(table(["C1CC"]), name="bad")


def test_arguments_are_checked(data: MoleculeDataset) -> None:
    with pytest.raises(ValueError, match="metric must be one of ap, prc_auc, roc_auc, got 'auc'"):
        MoleculeDataset.from_table(table(), name="s", metric="auc")
    with pytest.raises(ValueError, match="same length, got 4, 1, 4, 4"):
        MoleculeDataset(data.graphs, ["C"], data.y, data.row, name="s", task_names=["a", "b"])
    with pytest.raises(ValueError, match=r"y must have shape \[4, 1\], one column per task, got \[4, 2\]"):
        MoleculeDataset(data.graphs, data.smiles, data.y, data.row, name="s", task_names=["a"])


def test_additional_features(data: MoleculeDataset) -> None:
    beside = data.with_features(["maccs", "morgan"])
    assert beside.features is not None
    assert torch.equal(beside.features, describe(data.smiles, ["maccs", "morgan"]))
    assert beside.feature_kinds == ["maccs", "morgan"]
    assert beside.feature_names == descriptor_names(["maccs", "morgan"])
    assert beside.graphs is data.graphs
    assert (beside.name, beside.smiles, beside.y is data.y) == (data.name, data.smiles, True)
    assert torch.equal(beside[-1].features, beside.features[3:])
    positions = [2, 0, 2]
    batch, expected = beside.batch(positions), Batch.from_data_list([beside[i] for i in positions])
    assert torch.equal(batch.features, beside.features[positions])
    batch.y, expected.y = batch.y.nan_to_num(9), expected.y.nan_to_num(9)
    assert_batch_equal(batch, expected)
    assert torch.equal(batch.to_data_list()[1].features, beside.features[:1])
    # the data set it was made from is as it was
    assert (data.features, data.feature_kinds, data.feature_names) == (None, [], [])
    assert "features" not in data[0]
    assert "features" not in data.batch([0])


def test_featurizer_version_includes_the_features(data: MoleculeDataset) -> None:
    assert data.featurizer == CANONICAL
    assert data.with_features(["maccs", "rdkit"]).featurizer == f"{CANONICAL}+maccs/1+rdkit/1"
    assert data.with_features(["maccs"]).with_features([]).featurizer == CANONICAL
    assert MoleculeDataset.from_smiles(["C"], atom_order="drawn").featurizer == FEATURIZER


def test_existing_features_are_not_recomputed(data: MoleculeDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[list[str]] = []

    def counting(smiles: list[str], kinds: list[str], how: Describing) -> tuple[torch.Tensor, Refused]:
        computed.append(kinds)
        return described(smiles, kinds, how)

    monkeypatch.setattr(module, "described", counting)
    one = data.with_features(["maccs", "morgan"])
    same, fewer = one.with_features(["maccs", "morgan"]), one.with_features(["morgan"])
    more = one.with_features(["torsion", "morgan", "rdkit"])
    assert computed == [["maccs", "morgan"], [], [], ["torsion", "rdkit"]]
    assert same.features is one.features
    for other in (fewer, more):
        assert other.features is not None
        assert torch.equal(other.features, describe(data.smiles, other.feature_kinds))
    none = more.with_features([])
    assert (none.features, none.feature_kinds) == (None, [])


def test_features_of_standardized_molecules() -> None:
    plain, standard = (
        MoleculeDataset.from_table(table(), name="s", standardize=flag).with_features(["rdkit"]).features
        for flag in (False, True)
    )
    assert plain is not None
    assert standard is not None
    assert torch.equal(plain[:3], standard[:3])
    assert torch.equal(standard[3:], describe(["CC(=O)O"], ["rdkit"]))
    assert not torch.equal(plain[3:], standard[3:])


def test_features_of_an_empty_data_set() -> None:
    empty = MoleculeDataset.from_smiles(["x"]).with_features(["maccs"])
    assert empty.features is not None
    assert empty.features.shape == (0, 167)


# chiral in its rings and chains, a salt, a sulfoxide, and one that only isotopes make chiral
CHIRAL = [
    "C[C@H](N)C(=O)O",
    "C[C@@H]1CC[C@H](C(=O)[O-])N1Cc1ccccc1.[Na+]",
    "C[S@](=O)c1ccccc1",
    "C[C@H]([13CH3])O",
    "C[C@H]1O[C@@H](O)[C@H](F)[C@@H](Cl)[C@@H]1O",
]


def spellings(text: str, number: int) -> list[str]:
    """The same molecule in other orders of atoms, with atom maps, and with an isotope."""
    molecule = Chem.MolFromSmiles(text)
    texts = [Chem.MolToSmiles(molecule, doRandom=True) for _ in range(number)]
    molecule.GetAtomWithIdx(0).SetIsotope(13)
    texts.append(Chem.MolToSmiles(molecule, doRandom=True))
    for atom in molecule.GetAtoms():
        atom.SetAtomMapNum(molecule.GetNumAtoms() - atom.GetIdx())
    return [*texts, Chem.MolToSmiles(molecule)]


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("text", CHIRAL)
def test_a_graph_does_not_depend_on_how_a_molecule_is_written(text: str, standardize: bool) -> None:
    data = MoleculeDataset.from_smiles([text, *spellings(text, 8)], standardize=standardize)
    for i in range(1, len(data)):
        for name in ("x", "edge_index", "edge_attr"):
            assert torch.equal(data[i][name], data[0][name]), (data.smiles[i], name)
    features = data.with_features(["rdkit", "morgan"]).features
    assert features is not None
    assert torch.equal(features, features[:1].expand_as(features))


def test_as_drawn_the_graph_depends_on_the_order_of_atoms() -> None:
    one, two = "C[C@H](N)C(=O)O", "N[C@@H](C)C(=O)O"
    drawn = MoleculeDataset.from_smiles([one, two], atom_order="drawn")
    assert sorted(drawn[0].x.tolist()) != sorted(drawn[1].x.tolist())
    assert torch.equal(drawn[0].x, graph_of(one).x)
    with pytest.raises(ValueError, match="atom_order must be 'canonical' or 'drawn', got 'any'"):
        MoleculeDataset.from_smiles([one], atom_order="any")  # type: ignore[arg-type]


def test_fragments_charges_and_atoms_without_order_stay_as_drawn() -> None:
    data = MoleculeDataset.from_smiles(["OCC.[Na+].[Cl-]", "[O-]C"])
    assert torch.equal(data[0].x, graph_of("OCC.[Na+].[Cl-]").x)
    assert torch.equal(data[1].x, graph_of("[O-]C").x)
    assert data.graph_smiles == data.smiles


def test_cached_graphs_keep_the_texts_that_they_were_made_from(tmp_path: Path) -> None:
    texts = ["[CH3:2][C@H:1](N)C(=O)O", "CCO"] * 260
    first = MoleculeDataset.from_table(table(texts), name="l", root=tmp_path)
    again = MoleculeDataset.from_table(table(texts), name="l", root=tmp_path)
    assert list(again.graph_smiles) == list(first.graph_smiles) == ["C[C@H](N)C(=O)O", "CCO"] * 260
    drawn = MoleculeDataset.from_table(table(texts), name="l", root=tmp_path, atom_order="drawn")
    assert drawn.graph_smiles == texts
