"""Splits of users' tables through `load`: molecules and bags."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xgraph.data import load

RINGS = ("c1ccccc1", "C1CCCCC1", "c1ccncc1", "C1CCNCC1", "c1ccoc1", "C1CC1", "c1ccsc1", "C1CCOC1", "")
SMILES = [f"{'C' * (i // len(RINGS) + 1)}{RINGS[i % len(RINGS)]}" for i in range(45)]
LABELS = [int(i % 7 == 0) for i in range(45)]


def write(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def molecules(path: Path, order: Sequence[int] = range(45), **columns: Sequence[object]) -> Path:
    """Write the molecules in some order, with further columns."""
    rows = [[SMILES[i], LABELS[i], *(cells[i] for cells in columns.values())] for i in order]
    return write(path, [["smiles", "active", *columns], *rows])


def parts(data: object, by: str = "smiles") -> dict[str, list[str]]:
    names = getattr(data, by)
    return {part: sorted(names[i] for i in positions) for part, positions in data.splits.items()}  # type: ignore[attr-defined]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(45)), split=st.sampled_from(["scaffold", "scaffold-balanced", "cluster"]))
def test_the_order_of_rows_does_not_matter(order: list[int], split: str, tmp_path: Path) -> None:
    first = load(molecules(tmp_path / "a.csv"), split=split, seed=3)  # type: ignore[arg-type]
    other = load(molecules(tmp_path / "b.csv", order), split=split, seed=3)  # type: ignore[arg-type]
    assert parts(first) == parts(other)


def test_scaffold_is_the_same_for_every_seed(tmp_path: Path) -> None:
    table = molecules(tmp_path / "a.csv")
    assert parts(load(table)) == parts(load(table, seed=1)) == parts(load(table, split="scaffold", seed=2))
    assert parts(load(table, split="scaffold-balanced")) != parts(load(table, split="scaffold-balanced", seed=1))


@pytest.mark.parametrize("split", ["scaffold-balanced", "cluster", "random"])
def test_few_actives_reach_every_part(split: str, tmp_path: Path) -> None:
    rows = [[f"{'C' * n}{ring}{end}", 0] for n in range(1, 5) for ring in RINGS[:-1] for end in ("", "O", "N")]
    for i in (5, 30, 60, 90):
        rows[i][1] = 1
    data = load(write(tmp_path / "a.csv", [["smiles", "active"], *rows]), split=split)  # type: ignore[arg-type]
    assert all(data.y[positions].sum() >= 1 for positions in data.splits.values())  # type: ignore[union-attr]


def test_split_column_of_words(tmp_path: Path) -> None:
    words = [("train", "Training", "VAL", "test", "")[i % 5] for i in range(45)]
    table = molecules(tmp_path / "a.csv", part=words)
    with pytest.warns(UserWarning, match="9 molecules in no part"):
        data = load(table, split_column="part")
    wanted = {"train": ("train", "Training"), "valid": ("VAL",), "test": ("test",)}
    assert parts(data) == {
        name: sorted(text for text, word in zip(SMILES, words, strict=True) if word in own)
        for name, own in wanted.items()
    }
    assert data.task_names == ["active"]


def test_a_split_column_is_no_task(tmp_path: Path) -> None:
    table = molecules(tmp_path / "a.csv", fold=[i % 3 for i in range(45)], cv=[i % 3 for i in range(45)])
    data = load(table, split_column="cv", fold=1)
    assert data.task_names == ["active"]
    folds = np.arange(45) % 3
    assert all((folds[data.splits[part]] == number).all() for part, number in (("test", 1), ("valid", 2), ("train", 0)))
    with pytest.raises(ValueError, match="split_column 'set' does not exist: the columns of .* 'smiles', 'active'"):
        load(table, split_column="set")


def test_further_files_are_valid_and_test(tmp_path: Path) -> None:
    one = molecules(tmp_path / "train.csv", range(30))
    (tmp_path / "other").mkdir()
    rows = [["active", "note", "smiles"], *([LABELS[i], "x", SMILES[i]] for i in range(30, 40)), [1, "", "C1CC"]]
    two = write(tmp_path / "valid.csv", rows)
    three = molecules(tmp_path / "other" / "test.csv", range(40, 45))
    data = load(one, valid=two, test=three)
    assert parts(data) == {
        "train": sorted(SMILES[:30]),
        "valid": sorted(SMILES[30:40]),
        "test": sorted(SMILES[40:]),
    }
    assert data.files is not None  # type: ignore[union-attr]
    assert data.files.place(int(data.row[data.splits["test"][0]])) == ("test.csv", 0)  # type: ignore[union-attr, index]
    assert data.files.place(data.errors[0].row) == ("valid.csv", 10)  # type: ignore[union-attr]
    assert parts(load(one, test=three)).keys() == {"train", "test"}
    short = write(tmp_path / "short.csv", [["smiles"], ["CCO"]])
    with pytest.raises(ValueError, match=r"short.csv has no column 'active'; files of one data set must have the same"):
        load(one, test=short, target_columns=["active"])
    wide = molecules(tmp_path / "wide.csv", mass=range(45))
    with pytest.warns(UserWarning, match=r"columns of .*wide.csv that .*test.csv lacks are left out: 'mass'"):
        assert parts(load(wide, test=three)).keys() == {"train", "test"}
    with pytest.raises(FileNotFoundError, match="absent.csv"):
        load(one, test=tmp_path / "absent.csv")


def test_rows_of_a_split_file_count_blank_lines(tmp_path: Path) -> None:
    lines = molecules(tmp_path / "a.csv").read_text().splitlines()
    (tmp_path / "a.csv").write_text("\n".join([*lines[:3], "", *lines[3:]]) + "\n\n")
    np.savez(tmp_path / "rows.npz", train=[0, 1, 2, 3, 4], val=[46], test=[45, 44])
    with pytest.warns(UserWarning, match="39 molecules in no part"):
        data = load(tmp_path / "a.csv", split_file=tmp_path / "rows.npz")
    assert parts(data) == {"train": sorted(SMILES[:4]), "test": sorted(SMILES[-2:])}  # row 46 is blank


@pytest.mark.parametrize("split", ["scaffold", "cluster", "random"])
def test_folds_of_molecules(split: str, tmp_path: Path) -> None:
    table = molecules(tmp_path / "a.csv")
    tested: list[str] = []
    for fold in range(3):
        own = parts(load(table, split=split, folds=3, fold=fold, stratified=True))  # type: ignore[arg-type]
        assert sorted(text for listed in own.values() for text in listed) == sorted(SMILES)
        tested += own["test"]
    assert sorted(tested) == sorted(SMILES)


def bag_rows(part: Sequence[str] | None = None) -> list[list[object]]:
    """Rows of bags b0 to b29, two each, the first half of the file before the second rows."""
    header = ["bag", "label", "x", *(["part"] if part else [])]
    rows = [[f"b{b}", int(b % 3 == 0), b + r / 2, *([part[b]] if part else [])] for r in (0, 1) for b in range(30)]
    return [header, *rows]


def test_bags_with_a_split_column(tmp_path: Path) -> None:
    words = [("train", "dev", "test")[b % 3] for b in range(30)]
    rows = bag_rows(words)
    rows[31][3] = ""  # a blank cell in the second row of a bag that has a part
    data = load(write(tmp_path / "a.csv", rows), bag_column="bag", split_column="part")
    assert data.feature_names == ["x"]  # type: ignore[union-attr]
    wanted = {
        part: sorted(f"b{b}" for b in range(30) if words[b] == word)
        for part, word in (("train", "train"), ("valid", "dev"), ("test", "test"))
    }
    assert parts(data, "bag_names") == wanted
    rows[31][3] = "test"
    with pytest.raises(ValueError, match=r"bag 'b0' is in two parts: train \(data row 0\) and test \(data row 30\)"):
        load(write(tmp_path / "b.csv", rows), bag_column="bag", split_column="part")
    np.savez(tmp_path / "rows.npz", train=[0, 1], test=[2, 33])
    with pytest.warns(UserWarning, match="26 bags in no part"):
        data = load(write(tmp_path / "c.csv", bag_rows()), bag_column="bag", split_file=tmp_path / "rows.npz")
    assert parts(data, "bag_names") == {"train": ["b0", "b1"], "test": ["b2", "b3"]}


def test_bags_in_further_files_and_folds(tmp_path: Path) -> None:
    rows = bag_rows()
    of_bag = {name: [row for row in rows[1:] if row[0] == name] for name in (f"b{b}" for b in range(30))}

    def file(name: str, bags: range) -> Path:
        return write(tmp_path / name, [rows[0], *(row for b in bags for row in of_bag[f"b{b}"])])

    one, two, three = file("a.csv", range(20)), file("b.csv", range(20, 25)), file("c.csv", range(25, 30))
    data = load(one, bag_column="bag", valid=two, test=three)
    assert {name: len(bags) for name, bags in data.splits.items()} == {"train": 20, "valid": 5, "test": 5}
    with pytest.raises(
        ValueError, match=r"'b19' is in two parts: train \(data row 38 of a.csv\) and test \(data row 0"
    ):
        load(one, bag_column="bag", test=file("d.csv", range(19, 22)))
    tested: list[str] = []
    table = write(tmp_path / "all.csv", rows)
    for fold in range(5):
        own = load(table, bag_column="bag", folds=5, fold=fold)
        assert own.y[own.splits["test"]].sum() == 2  # type: ignore[union-attr]
        tested += parts(own, "bag_names")["test"]
    assert sorted(tested) == sorted(of_bag)


def test_named_sets_do_not_take_parts_of_ones_own() -> None:
    for option in ({"split_column": "set"}, {"test": "t.csv"}):
        with pytest.raises(ValueError, match="the parts of 'nci-pains' cannot be defined in this way"):
            load("nci-pains", **option)  # type: ignore[arg-type]
