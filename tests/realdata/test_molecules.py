"""Featurising and splitting the real sets: OGB's features and OGB's split, exactly."""

from pathlib import Path

import numpy as np
import pytest
from ogb.utils import smiles2graph

from xgraph.data.molecules.dataset import MoleculeDataset
from xgraph.data.molecules.splits import scaffold_split
from xgraph.data.molecules.table import Table, read_smiles, read_table

pytestmark = pytest.mark.realdata

REFUSED = [137, 987, 12882, 18293, 30784, 30785, 35728]  # odd valences of Al, B and Ge
TASKS = {"bbbp": 1, "bace": 1, "clintox": 2, "sider": 27, "tox21": 12, "muv": 17}


@pytest.fixture(scope="module")
def molhiv(mirror_folder: Path) -> Table:
    return read_table(mirror_folder / "ogbg_molhiv" / "HIV.csv.gz")


def test_molhiv_table(molhiv: Table) -> None:
    assert (len(molhiv.smiles), molhiv.task_names, molhiv.y.sum()) == (41127, ["HIV_active"], 1443)


def test_molhiv_features_match_ogb(molhiv: Table, molhiv_dataset: MoleculeDataset) -> None:
    assert [error.row for error in molhiv_dataset.errors] == REFUSED
    for i in range(0, len(molhiv_dataset), 10):
        data, expected = molhiv_dataset[i], smiles2graph(molhiv.smiles[molhiv_dataset.row[i]])
        assert np.array_equal(data.x, expected["node_feat"])
        assert np.array_equal(data.edge_index, expected["edge_index"])
        assert np.array_equal(data.edge_attr, expected["edge_feat"])


def test_molhiv_split_matches_ogb(molhiv: Table, mirror_folder: Path, real_root: Path) -> None:
    parts = scaffold_split(molhiv.smiles, root=real_root)
    assert [len(parts[name]) for name in ("train", "valid", "test")] == [32901, 4113, 4113]
    for name, rows in parts.items():
        file = mirror_folder / "ogbg_molhiv" / "split" / "scaffold" / f"{name}.csv.gz"
        assert np.array_equal(rows, np.loadtxt(file, dtype=np.int64)), name
    data = MoleculeDataset.from_table(molhiv, name="ogbg-molhiv", metric="roc_auc", splits=parts, root=real_root)
    assert [error.row for error in data.errors] == REFUSED
    assert sum(len(rows) for rows in data.splits.values()) == len(data) == 41120


@pytest.mark.parametrize("name", TASKS)
def test_moleculenet_tables(name: str, mirror_folder: Path) -> None:
    folder = mirror_folder / "moleculenet"
    path = next(path for ending in ("csv", "csv.gz") if (path := folder / f"{name}.{ending}").exists())
    assert read_table(path).y.shape[1] == TASKS[name]


@pytest.mark.parametrize("name", ["delaney", "freesolv", "lipo"])
def test_continuous_labels_are_numbers(name: str, mirror_folder: Path) -> None:
    table = read_table(mirror_folder / "moleculenet" / f"{name}.csv")
    assert (table.task, table.y.shape) == ("regression", (len(table.smiles), 1))


def test_aicures_files(mirror_folder: Path) -> None:
    folder = mirror_folder / "aicures_pseudomonas"
    train = read_table(folder / "train.csv")
    assert (len(train.smiles), train.task_names, train.y.sum(), train.errors) == (2097, ["activity"], 48, [])
    smiles = read_smiles(folder / "test.csv")
    assert len(smiles) == 238
    assert all(smiles)
