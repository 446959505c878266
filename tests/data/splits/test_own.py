"""The options for splits of one's own, and what contradicts what."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xgraph.data.splits.own import OwnSplit, parts_present


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split_column": "set", "split_file": "rows.npz"}, "split_column, split_file: each of them defines the parts"),
        ({"folds": 5, "test": "t.csv"}, "folds, test: each"),
        ({"split_column": "set", "valid": "v.csv", "test": "t.csv"}, "split_column, valid and test: each"),
        ({"split": "scaffold", "split_column": "set"}, "split='scaffold' cannot be used with split_column"),
        ({"split": "given"}, "split='given' needs the parts"),
        ({"folds": 2}, "folds must be from 3 to 1000 .*, got 2"),
        ({"stratified": True}, "stratified=True needs folds"),
        ({"valid_fraction": 0.1}, "valid_fraction is for parts of your own without a validation part"),
        ({"valid_fraction": 0.1, "valid": "v.csv"}, "valid_fraction is for"),
        ({"valid_fraction": 1.0, "test": "t.csv"}, "valid_fraction must be between 0 and 1, got 1.0"),
        ({"valid_fraction": float("nan"), "test": "t.csv"}, "valid_fraction must be between 0 and 1"),
    ],
)
def test_contradictions(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OwnSplit(**options)  # type: ignore[arg-type]


def test_files_are_parts_as_a_whole() -> None:
    splitting = OwnSplit(valid="v.csv", test=Path("t.csv"))
    part = splitting.of_rows([3, 2, 1], None)
    assert part is not None
    assert part.tolist() == [0, 0, 0, 1, 1, 2]
    assert {name: rows.tolist() for name, rows in parts_present(part).items()} == {
        "train": [0, 1, 2],
        "valid": [3, 4],
        "test": [5],
    }
    only_test = OwnSplit(test="t.csv").of_rows([2, 2], None)
    assert only_test is not None
    assert parts_present(only_test).keys() == {"train", "test"}


def test_folds_of_a_column_must_be_chosen() -> None:
    cells = ["1", "2", "3", "5"]
    with pytest.raises(ValueError, match=r"column 'cv' has fold numbers, 1, 2, 3, 5: choose .* \(--fold 1; --fold all"):
        OwnSplit(split_column="cv").of_rows([4], cells)
    with pytest.raises(ValueError, match="fold=4 does not exist: column 'cv' has fold numbers, 1, 2, 3, 5"):
        OwnSplit(split_column="cv", fold=4).of_rows([4], cells)
    last = OwnSplit(split_column="cv", fold=5).of_rows([4], cells)
    assert last is not None
    assert last.tolist() == [1, 0, 0, 2]
    with pytest.raises(ValueError, match="fold=0 cannot be used: column 'cv' has parts, not fold numbers"):
        OwnSplit(split_column="cv", fold=0).of_rows([2], ["train", "test"])
    with pytest.raises(ValueError, match="the random split has no folds; give their number with folds"):
        OwnSplit("random", fold=0).draw(np.zeros(9, dtype=np.int64), (0.8, 0.1, 0.1))
    with pytest.raises(ValueError, match="folds=3, 0 to 2: choose"):
        OwnSplit("random", folds=3).draw(np.zeros(9, dtype=np.int64), (0.8, 0.1, 0.1))
    with pytest.raises(ValueError, match="folds=20: expected at least as many items, got 9"):
        OwnSplit("random", folds=20, fold=1).draw(np.zeros(9, dtype=np.int64), (0.8, 0.1, 0.1))


@settings(max_examples=30)
@given(
    split=st.sampled_from(["scaffold", "scaffold-balanced", "random"]),
    folds=st.integers(3, 6),
    stratified=st.booleans(),
    seed=st.integers(0, 100),
)
def test_each_item_is_tested_and_validated_once(split: str, folds: int, stratified: bool, seed: int) -> None:
    generator = np.random.default_rng(seed)
    classes, groups = generator.integers(0, 2, 40), generator.integers(0, 12, 40)
    keys = None if split == "random" else lambda: groups
    parts = np.stack(
        [
            OwnSplit(split, fold=k, seed=seed, folds=folds, stratified=stratified).draw(classes, (0.8, 0.1, 0.1), keys)
            for k in range(folds)
        ]
    )
    for place in (1, 2):
        assert ((parts == place).sum(0) == 1).all()


def test_a_validation_part_is_taken_only_if_asked_for() -> None:
    cells = ["train"] * 40 + ["test"] * 10
    classes = np.arange(50) % 5 // 4
    without = OwnSplit(split_column="set")
    part = without.of_rows([50], cells)
    assert part is not None
    assert (without.with_valid(part, classes) == part).all()
    asked = OwnSplit(split_column="set", valid_fraction=0.25, seed=7)
    taken = asked.with_valid(part, classes)
    assert np.bincount(taken).tolist() == [30, 10, 10]
    assert classes[taken == 1].sum() == 2
    again = OwnSplit(split_column="set", valid_fraction=0.25, seed=8).with_valid(part, classes)
    assert (again == taken).all()  # the same for every seed, so that runs can be compared
    with pytest.raises(ValueError, match="column 'set' has a valid part"):
        asked.with_valid(taken, classes)


def test_seeds_matter_where_documented() -> None:
    folds = [OwnSplit("random", fold=1, seed=s, folds=4).draw(np.arange(40) % 3, (0.8, 0.1, 0.1)) for s in (0, 1)]
    assert (folds[0] == folds[1]).all()
    keys, classes = np.arange(100) % 60, np.zeros(100, dtype=np.int64)
    for split in ("scaffold", "scaffold-balanced", "cluster"):
        one, other = (OwnSplit(split, seed=seed).draw(classes, (0.8, 0.1, 0.1), lambda: keys) for seed in (0, 1))
        assert (one == other).all() == (split == "scaffold")


def test_partitions_draw_other_folds() -> None:
    def folds(split: str, partition: int | None) -> list[int]:
        keys, classes = np.arange(60) // 2, np.arange(60) % 5
        own = OwnSplit(split, fold=1, folds=4, partition=partition)
        return own.draw(classes, (0.8, 0.1, 0.1), (lambda: keys) if split == "scaffold" else None).tolist()

    for split in ("random", "scaffold"):
        assert folds(split, None) == folds(split, 0)
        assert len({tuple(folds(split, partition)) for partition in range(4)}) == 4
    for partition, other in ((1, {}), (-1, {"folds": 4})):
        with pytest.raises(ValueError, match=rf"partition={partition} must be 0 or more, and needs folds"):
            OwnSplit("random", partition=partition, **other)
