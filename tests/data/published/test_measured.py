import gzip
from pathlib import Path

import numpy as np
import pytest

from tests.data.measured_table import HEAD, write_measured
from xgraph.data import MoleculeDataset, load, load_card
from xgraph.data.cards import molecules
from xgraph.data.published.measured import read_measured


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = write_measured(tmp_path / "pki.csv.gz")
    monkeypatch.setattr(molecules, "obtain", lambda *_, **__: path)
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path / "root"))
    return path


def test_measured(table: Path) -> None:
    smiles, y, rows = read_measured(table, ["CHEMBL1855", "CHEMBL1075104"])
    assert smiles == [f"{'C' * i}O" for i in range(1, 11)] + ["C1CC", "CCN"]
    assert rows.tolist() == [*range(10), 11, 12]
    nan = np.nan
    np.testing.assert_equal(y[:, 0], [nan, 1, *[nan] * 8, 1, 0])
    np.testing.assert_equal(y[:, 1], [1, 0] * 5 + [nan, nan])


def test_numbers(table: Path) -> None:
    _, y, _ = read_measured(table, ["CHEMBL1855"], numbers=True)
    np.testing.assert_equal(y[:, 0], np.array([7, 9, 6.9], dtype=np.float32))


def test_measured_numbers(table: Path) -> None:
    data = load("chembl-pki", target_columns=["CHEMBL1855", "CHEMBL1075104"])
    assert isinstance(data, MoleculeDataset)
    assert (data.name, data.task, data.metric) == ("chembl-pki", "regression", "rmse")
    active = load("chembl", target_columns=["CHEMBL1855", "CHEMBL1075104"])
    assert isinstance(active, MoleculeDataset)
    known = ~data.y.isnan()
    assert known.tolist() == (~active.y.isnan()).tolist()
    assert (data.y[known] >= 7).tolist() == (active.y[known] == 1).tolist()
    assert set(data.y[known].tolist()) - {0, 1}


def test_each_protein_is_a_task(table: Path) -> None:
    data = load("chembl", target_columns=["CHEMBL1855", "CHEMBL1075104"])
    assert isinstance(data, MoleculeDataset)
    assert (data.name, data.task_names, data.metric) == ("chembl", ["CHEMBL1855", "CHEMBL1075104"], "roc_auc")
    assert data.row.tolist() == [*range(10), 12]
    assert [(error.row, error.smiles) for error in data.errors] == [(11, "C1CC")]
    nan = np.nan
    np.testing.assert_equal(data.y[:, 0].numpy(), [nan, 1, *[nan] * 8, 0])
    assert sum(map(len, data.splits.values())) == 11
    assert load("chembl").num_tasks == len(load_card("chembl").target_columns) == 200
    with pytest.raises(ValueError, match=r"target_columns of 'chembl' must be any of .*, got CHEMBL0"):
        load("chembl", target_columns=["CHEMBL0"])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"junk",
        gzip.compress(b"a,b\n1,2\n", mtime=0),
        gzip.compress((HEAD + "CHEMBL1855,C,CHEMBL1\n").encode(), mtime=0),
        gzip.compress((HEAD + "CHEMBL1855,C,CHEMBL1,high\n").encode(), mtime=0),
        gzip.compress(b"x" * 500, mtime=0)[:-12],
    ],
)
def test_damaged_tables_are_named(table: Path, content: bytes) -> None:
    table.write_bytes(content)
    with pytest.raises(ValueError, match=r"cannot read .*pki.csv.gz: ."):
        read_measured(table, ["CHEMBL1855"])
