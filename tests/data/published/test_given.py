import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from xgraph.data.molecules.table import Table
from xgraph.data.published.given import Given, match_rows, read_given


def _table(smiles: list[str]) -> Table:
    n = len(smiles)
    return Table(smiles=smiles, y=np.zeros((n, 1), np.float32), task_names=["y"], rows=np.arange(n))


TABLE = _table(["C", "CC", "CCC", "CCCC"])


def test_rows_in_plain_and_gzipped_files(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("0\n3\n")
    (tmp_path / "valid.csv.gz").write_bytes(gzip.compress(b"2\n"))
    (tmp_path / "test.csv").write_text("1")
    given = Given(format="rows", train="train.csv", valid="valid.csv.gz", test="test.csv")
    parts = read_given(given, None, TABLE, lambda path: tmp_path / path, "smiles")
    assert {part: rows.tolist() for part, rows in parts.items()} == {"train": [0, 3], "valid": [2], "test": [1]}
    assert all(rows.dtype == np.int64 for rows in parts.values())


def test_npz_by_fold(tmp_path: Path) -> None:
    arrays = {"train_7": [0, 1], "valid_7": [2], "test_7": [3], "train_8": [3, 2], "valid_8": [0], "test_8": [1]}
    np.savez(tmp_path / "s.npz", **{key: np.array(rows, dtype=np.int32) for key, rows in arrays.items()})
    given = Given(
        format="npz", train="train_{fold}", valid="valid_{fold}", test="test_{fold}", file="s.npz", folds=["7", "8"]
    )
    assert given.paths() == ["s.npz"]

    def read(fold: int | None) -> list[list[int]]:
        return [rows.tolist() for rows in read_given(given, fold, TABLE, lambda p: tmp_path / p, "").values()]

    assert read(1) == [[3, 2], [0], [1]]
    assert read(None) == read(0) == [[0, 1], [2], [3]]
    with pytest.raises(IndexError):
        read(2)


def test_npz_with_a_pickle_is_rejected(tmp_path: Path) -> None:
    evil = np.array([{"a": 1}], dtype=object)
    np.savez(tmp_path / "s.npz", allow_pickle=True, train=evil, valid=evil, test=evil)
    given = Given(format="npz", train="train", valid="valid", test="test", file="s.npz")
    with pytest.raises(ValueError, match="allow_pickle"):
        read_given(given, None, TABLE, lambda p: tmp_path / p, "")


def test_tables_are_matched_by_molecule(tmp_path: Path) -> None:
    for part, smiles in {"train": ["CCCC", "C"], "dev": ["CC"], "test": ["CCC"]}.items():
        (tmp_path / f"{part}.csv").write_text("smiles,y\n" + "".join(f"{s},0\n" for s in smiles))
    given = Given(format="tables", train="train.csv", valid="dev.csv", test="test.csv")
    parts = read_given(given, None, TABLE, lambda p: tmp_path / p, "smiles")
    assert [rows.tolist() for rows in parts.values()] == [[3, 0], [1], [2]]


@pytest.mark.parametrize("test", [[1, 3], [], [1, 1], [4]])
def test_parts_must_partition_the_table(tmp_path: Path, test: list[int]) -> None:
    np.savez(tmp_path / "s.npz", train=np.array([0, 3]), valid=np.array([2]), test=np.array(test, dtype=np.int64))
    given = Given(format="npz", train="train", valid="valid", test="test", file="s.npz")
    with pytest.raises(ValueError, match=r"do not partition the table's 4"):
        read_given(given, None, TABLE, lambda p: tmp_path / p, "")


@forall(st.lists(st.sampled_from(["C", "CC", "CCC"]), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_repeated_molecules_get_separate_rows(smiles: list[str], random: object) -> None:
    order = list(range(len(smiles)))
    random.shuffle(order)  # type: ignore[attr-defined]
    cut = len(order) // 2
    parts = match_rows(_table(smiles), [[smiles[i] for i in order[:cut]], [smiles[i] for i in order[cut:]]])
    rows = np.concatenate(parts)
    assert sorted(rows.tolist()) == list(range(len(smiles)))
    assert [smiles[row] for row in rows] == [smiles[i] for i in order]


def test_repeats_come_in_file_order_and_run_out() -> None:
    table = _table(["C", "CC", "C"])
    assert [rows.tolist() for rows in match_rows(table, [["C"], ["C", "CC"]])] == [[0], [2, 1]]
    with pytest.raises(ValueError, match=r"'C', which is not in the table or occurs there less often"):
        match_rows(table, [["C", "C"], ["C"]])
    with pytest.raises(ValueError, match="'N'"):
        match_rows(table, [["N"]])
