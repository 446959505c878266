import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xgraph.estimators import check_rows


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-3, 700), max_size=700), st.integers(1, 700))
def test_check_rows_agrees_with_python(rows, num_items):
    index = torch.tensor(rows, dtype=torch.long)
    if any(row < 0 or row >= num_items for row in rows):
        with pytest.raises(IndexError):
            check_rows(index, num_items)
    else:
        assert check_rows(index, num_items) == (len(set(rows)) < len(rows))
