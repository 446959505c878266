import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xgraph.data import load
from xgraph.data.labels.duplicates import WAYS, Duplicates, DuplicateWarning, LabelledRows, resolve_duplicates

NAN = float("nan")


def rows(identity: list[str], y: list[list[float]], **more: object) -> LabelledRows:
    tasks = [f"t{i}" for i in range(len(y[0]))]
    return LabelledRows("own", identity, np.array(y, np.float32), str, tasks, **more)  # type: ignore[arg-type]


SIX = rows(["A", "B", "A", "", "B", "", "A"], [[1, 0], [0, NAN], [0, 0], [1, 1], [0, 1], [0, 0], [1, NAN]])
SAID = (
    "own: 2 molecules are repeated in 3 further rows, such as 'A' in rows 0 and 2; 1 with opposite labels, such as "
    "'A': t0 is 1 in row 0 and 0 in row 2"
)


@pytest.mark.parametrize(
    ("how", "kept", "y", "done"),
    [
        ("keep", [0, 1, 2, 3, 4, 5, 6], SIX.y.tolist(), "all rows are kept; to merge"),
        ("first", [0, 1, 3, 5], [[1, 0], [0, NAN], [1, 1], [0, 0]], "the first row of each is kept"),
        ("drop", [1, 3, 4, 5], [[0, NAN], [1, 1], [0, 1], [0, 0]], "3 rows with opposite labels are left out"),
        ("mean", [0, 1, 3, 5], [[1, 0], [0, 1], [1, 1], [0, 0]], "each is one row, with the label of most of its rows"),
    ],
)
def test_ways(how: Duplicates, kept: list[int], y: list[list[float]], done: str) -> None:
    with pytest.warns(DuplicateWarning) as caught:
        positions, labels = resolve_duplicates(SIX, how)
    assert str(caught[0].message).startswith(f"{SAID}; {done}")
    assert positions.tolist() == kept
    np.testing.assert_array_equal(labels, np.array(y, np.float32))


def test_error() -> None:
    with pytest.raises(ValueError, match="opposite labels.*; duplicates = 'error' refuses them"):
        resolve_duplicates(SIX, "error")
    with pytest.raises(ValueError, match="duplicates must be one of keep, mean, first, drop, error, got 'max'"):
        resolve_duplicates(SIX, "max")  # type: ignore[arg-type]


def test_ties_are_missing_and_counted() -> None:
    with pytest.warns(DuplicateWarning, match="2 labels with as many votes for as against are missing"):
        y = resolve_duplicates(rows(["A", "A", "B", "B"], [[1, 0], [0, 1], [1, NAN], [1, NAN]]), "mean")[1]
    np.testing.assert_array_equal(y, np.array([[NAN, NAN], [1, NAN]], np.float32))


def test_classes() -> None:
    identity = ["A", "A", "A", "B", "B", "C", "C"]
    y = [[1, 0, 0], [0, 1, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1], [NAN] * 3, [NAN] * 3]
    several = rows(identity, y, several_classes=True)._replace(task_names=["red", "green", "blue"])
    with pytest.warns(DuplicateWarning, match=r"'A': red in row 0, green in row 1; .*1 labels with as many votes"):
        merged = resolve_duplicates(several, "mean")[1]
    np.testing.assert_array_equal(merged, np.array([[0, 1, 0], [NAN] * 3, [NAN] * 3], np.float32))


def test_nothing_is_said_without_repeats_and_rows_of_different_parts_are_not_merged() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for how in WAYS:
            assert resolve_duplicates(rows(["A", "B", "", ""], [[0]] * 4), how)[0].tolist() == [0, 1, 2, 3]
            apart = rows(["A", "A"], [[0], [1]], part=np.array([0, 2]))
            assert resolve_duplicates(apart, how)[0].tolist() == [0, 1]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "A", "B", "C"]), st.lists(st.sampled_from([0.0, 1.0, NAN]), min_size=2, max_size=2)
        ),
        min_size=1,
        max_size=14,
    )
)
def test_against_a_dictionary(table: list[tuple[str, tuple[float, float]]]) -> None:
    given_rows = rows([text for text, _ in table], [list(labels) for _, labels in table])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DuplicateWarning)
        kept, y = resolve_duplicates(given_rows, "mean")
    groups: dict[object, list[tuple[float, float]]] = {}
    for i, (text, labels) in enumerate(table):
        groups.setdefault(text or i, []).append(labels)
    assert len(kept) == len(groups)
    for own, members in zip(y.tolist(), groups.values(), strict=True):
        for task, value in enumerate(own):
            votes = Counter(labels[task] for labels in members if labels[task] == labels[task])
            expected = NAN if votes[0] == votes[1] else float(votes[1] > votes[0])
            assert value == expected or (value != value and expected != expected)


SAME = ["OCC", "[CH3:1]CO", "CC[18OH]", "[2H]OCC"]


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_table_with_repeated_molecules(tmp_path: Path) -> None:
    others = [f"{'C' * n}N,{n % 2}" for n in range(1, 30)]
    lines = ["smiles,y", "OCC,1", *others, "[CH3:1]CO,0", "CC[18OH],1", "[2H]OCC,1"]
    path = write(tmp_path / "own.csv", "\n".join(lines))
    said = "own: 1 molecule is repeated in 3 further rows, such as 'CCO' in rows 0 and 30; 1 with opposite labels"
    with pytest.warns(DuplicateWarning, match=said):
        assert len(load(path, split="scaffold")) == 33
    for how, count in (("first", 30), ("mean", 30), ("drop", 29)):
        with pytest.warns(DuplicateWarning):
            data = load(path, split="random", duplicates=how)
        assert len(data) == count
        assert sum(map(len, data.splits.values())) == count
        if how != "drop":
            assert data.smiles[0] == "OCC"
            assert data.y[0].item() == 1
    path.write_text("\n".join(f"{line},{'weight' if i == 0 else i}" for i, line in enumerate(lines)))
    with pytest.warns(DuplicateWarning):
        data = load(path, split="random", target_columns=["y"], weight_column="weight", duplicates="first")
    assert data.weight.tolist() == list(range(1, 31))
    with pytest.raises(ValueError, match="y is 1 in row 0 and 0 in row 30; duplicates = 'error' refuses them"):
        load(path, duplicates="error")
    with pytest.raises(ValueError, match="duplicates='first' cannot be used"):
        load("digits-bags", duplicates="first")


def test_labels_of_the_test_part_stay_there(tmp_path: Path) -> None:
    part = [*["train"] * 20, "valid", "valid", "test", "test"]
    smiles = ["CCO", "OCC", *(f"{'C' * n}N" for n in range(2, 20)), "CF", "CCF", "C(C)O", "CCCF"]
    lines = [f"{text},{i % 2},{where}" for i, (text, where) in enumerate(zip(smiles, part, strict=True))]
    path = write(tmp_path / "own.csv", "smiles,y,part\n" + "\n".join(lines))
    with pytest.warns() as caught:
        data = load(path, split_column="part", duplicates="mean")
    assert {kind.__name__ for kind in (one.category for one in caught)} == {"DuplicateWarning", "SplitOverlapWarning"}
    assert {name: len(rows) for name, rows in data.splits.items()} == {"train": 19, "valid": 2, "test": 2}
    assert np.isnan(data.y[0].item()), "0 and 1 in the training part; the label of the test part does not count"
    assert data.y[data.splits["test"]].flatten().tolist() == [0, 1]


NUMBERS = rows(["A", "B", "A", "B", "A", "C"], [[1, 5], [2, NAN], [4, 5], [2, NAN], [NAN, 5], [9, 9]], numbers=True)


@pytest.mark.parametrize(
    ("how", "y", "done"),
    [
        ("keep", NUMBERS.y.tolist(), "all rows are kept"),
        ("first", [[1, 5], [2, NAN], [9, 9]], "the first row of each is kept"),
        ("drop", [[2, NAN], [2, NAN], [9, 9]], "3 rows with different numbers are left out"),
        ("mean", [[2.5, 5], [2, NAN], [9, 9]], "each is one row, with the mean of its numbers"),
    ],
)
def test_numbers(how: Duplicates, y: list[list[float]], done: str) -> None:
    with pytest.warns(DuplicateWarning) as caught:
        labels = resolve_duplicates(NUMBERS, how)[1]
    assert "; 1 with different numbers, such as 'A': t0 is 1 in row 0 and 4 in row 2; " in str(caught[0].message)
    assert str(caught[0].message).endswith(done) or how == "keep"
    np.testing.assert_array_equal(labels, np.array(y, np.float32))


def test_the_spread_of_numbers_is_said() -> None:
    more = rows(["A", "A", "B", "B"], [[1], [4], [2], [3]], numbers=True)
    with pytest.warns(
        DuplicateWarning, match=r"2 with different numbers \(spread in the median 2, at most 3\), such as"
    ):
        resolve_duplicates(more, "keep")
    with pytest.warns(DuplicateWarning, match="none has different numbers"):
        resolve_duplicates(rows(["A", "A"], [[1], [1]], numbers=True), "drop")
