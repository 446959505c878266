import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xgraph.estimators import check_rows
from xgraph.estimators.rows import check_estimate, slots


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-3, 700), max_size=700), st.integers(1, 700))
def test_check_rows_agrees_with_python(rows, num_items):
    index = torch.tensor(rows, dtype=torch.long)
    if any(row < 0 or row >= num_items for row in rows):
        with pytest.raises(IndexError):
            check_rows(index, num_items)
    else:
        assert check_rows(index, num_items) == (len(set(rows)) < len(rows))


@given(st.lists(st.integers(-5, 5), max_size=12))
def test_slots_number_distinct_rows_in_ascending_order(rows):
    numbers = {row: number for number, row in enumerate(sorted(set(rows)))}
    assert slots(torch.tensor(rows, dtype=torch.long)).tolist() == [numbers[row] for row in rows]


def test_invalid_estimates_are_rejected():
    check_estimate(torch.zeros(0, 2), (0, 2))
    with pytest.raises(ValueError, match=r"estimate must have the shape \[2, 1\], got \[2\]"):
        check_estimate(torch.zeros(2), (2, 1))
    with pytest.raises(ValueError, match=r"estimate must be finite, got nan in row 1, and so on"):
        check_estimate(torch.tensor([[1.0], [torch.nan]]), (2, 1), ", and so on")


@pytest.mark.parametrize("size", [8, 2000])
@pytest.mark.parametrize("once", [True, False])
def test_row_numbers_out_of_range_are_refused_whether_duplicates_matter_or_not(size, once):
    index = torch.arange(size)
    assert check_rows(index, size) is False
    assert check_rows(torch.cat([index, index[:1]]), size) is True
    for wrong in (-1, size):
        index[size // 2] = wrong
        with pytest.raises(IndexError, match=rf"index must lie in 0..{size - 1} .* got {wrong}"):
            check_rows(index, size, once=once)
