import math
import re

import numpy as np
import pytest
import torch

from xgraph.checks import choice, holds_integers, integer, number, outside


def test_valid_values_are_returned_as_plain_numbers():
    assert [integer("n", value, 1, 3) for value in (1, np.int64(3), torch.tensor(2))] == [1, 3, 2]
    results = [number("x", value, 0, 1) for value in (0, 1, np.float32(0.5))]
    assert results == [0.0, 1.0, 0.5]
    assert all(type(value) is float for value in results)


@pytest.mark.parametrize(("value", "error", "message"), [
    (0, ValueError, "n must be at least 1, got 0"),
    (4, ValueError, "n must be at most 3, got 4"),
    (2.0, TypeError, "n must be an integer, got 2.0"),
    (None, TypeError, "n must be an integer, got None"),
    ([3], TypeError, r"n must be an integer, got \[3\]"),
])  # fmt: skip
def test_invalid_integers_are_rejected(value, error, message):
    with pytest.raises(error, match=f"^{message}$"):
        integer("n", value, 1, 3)


@pytest.mark.parametrize("ends", ["[]", "(]", "[)", "()"])
def test_brackets_decide_whether_interval_ends_are_included(ends):
    for value, inside in ((0, ends[0] == "["), (1, ends[1] == "]"), (0.5, True), (-1, False), (math.nan, False)):
        if inside:
            assert number("x", value, 0, 1, ends) == value
        else:
            with pytest.raises(ValueError, match="x must lie in"):
                number("x", value, 0, 1, ends)


@pytest.mark.parametrize("value", ["0.5", None, [0.5], 1j])
def test_non_numbers_are_rejected(value):
    with pytest.raises(TypeError, match="x must be a number, got"):
        number("x", value, 0, 1)


def test_unknown_choices_are_rejected():
    assert choice("storage", "host", ("device", "host")) == "host"
    for value in ("disk", None, []):
        with pytest.raises(ValueError, match=f"^storage must be one of device, host, got {re.escape(repr(value))}$"):
            choice("storage", value, ("device", "host"))


def test_holds_integers():
    types = (torch.uint8, torch.int64, torch.bool, torch.float16, torch.complex64)
    assert [holds_integers(torch.zeros(1, dtype=dtype)) for dtype in types] == [True, True, False, False, False]


@pytest.mark.parametrize(("index", "bad"), [([], None), ([0, 2], None), ([1, 3, 0], 3), ([-1, 7], -1), ([[0], [3]], 3)])
def test_first_out_of_range_position_is_found(index, bad):
    assert outside(torch.tensor(index, dtype=torch.int64), 3) == bad
