"""Columns of words or fold numbers."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xgraph.data.splits.words import parts_of_fold, read_marks

WORDS = {"train": 0, "Training": 0, "VALID": 1, "validation": 1, " val ": 1, "Dev": 1, "test": 2, "TESTING": 2}
BLANKS = ("", " ", "NaN", "n/a", "None")


@given(st.lists(st.sampled_from([*WORDS, *BLANKS]), min_size=1).filter(lambda c: any(x in WORDS for x in c)))
def test_words_in_any_case_and_blank_cells(cells: list[str]) -> None:
    marks = read_marks(cells, "set")
    assert marks.folds == []
    assert marks.number.tolist() == [WORDS.get(cell, -1) for cell in cells]


@given(st.lists(st.integers(0, 6), min_size=3, max_size=50).filter(lambda n: len(set(n)) > 2), st.data())
def test_fold_numbers_give_each_item_to_test_and_to_valid_once(numbers: list[int], data: st.DataObject) -> None:
    cells = [data.draw(st.sampled_from([str(number), f"{number}.0", f" {number}"])) for number in numbers]
    marks = read_marks([*cells, ""], "fold")
    assert marks.folds == sorted(set(numbers))
    assert marks.number.tolist() == [*numbers, -1]
    parts = np.stack([parts_of_fold(marks.number, marks.folds, fold) for fold in marks.folds])
    assert (parts[:, -1] == -1).all()
    for place in (1, 2):
        assert ((parts[:, :-1] == place).sum(0) == 1).all()
    first, second = marks.folds[:2]
    assert ((parts[0] == 2) == (marks.number == first)).all()
    assert ((parts[0] == 1) == (marks.number == second)).all()


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["train", "holdout"], r"'set' has 'holdout' in data row 1; expected train, valid"),
        (["train", "1"], "both words and numbers"),
        (["", " "], "blank in all 2 rows"),
        (["0", "1", "1"], r"2 different numbers \(0, 1\)"),
        (["True", "False"], "'True' in data row 0"),
        (["-1", "2"], "'-1' in data row 0"),
        (["0.5"], "'0.5' in data row 0"),
        (["²"], "'²' in data row 0"),
        ([str(i) for i in range(2000)], "2000 different numbers"),
    ],
)
def test_other_columns_are_refused(cells: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_marks(cells, "set")


@given(st.lists(st.text(max_size=5), max_size=8))
def test_any_text_is_read_or_refused(cells: list[str]) -> None:
    with suppress(ValueError):
        assert len(read_marks(cells, "set").number) == len(cells)
