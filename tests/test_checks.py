import math
import re

import numpy as np
import pytest

from xgraph.checks import choice, integer, number


def test_what_is_one_comes_back_plain():
    assert [integer("n", value, 1, 3) for value in (1, np.int64(3))] == [1, 3]
    found = [number("x", value, 0, 1) for value in (0, 1, np.float32(0.5))]
    assert found == [0.0, 1.0, 0.5]
    assert all(type(value) is float for value in found)


@pytest.mark.parametrize(("value", "error", "message"), [
    (0, ValueError, "n must be at least 1, got 0"),
    (4, ValueError, "n must be at most 3, got 4"),
    (2.0, TypeError, "n must be an integer, got 2.0"),
    (None, TypeError, "n must be an integer, got None"),
])  # fmt: skip
def test_what_is_no_such_integer_is_named(value, error, message):
    with pytest.raises(error, match=f"^{message}$"):
        integer("n", value, 1, 3)


@pytest.mark.parametrize("ends", ["[]", "(]", "[)", "()"])
def test_ends_belong_to_the_interval_as_written(ends):
    for value, inside in ((0, ends[0] == "["), (1, ends[1] == "]"), (0.5, True), (-1, False), (math.nan, False)):
        if inside:
            assert number("x", value, 0, 1, ends) == value
        else:
            with pytest.raises(ValueError, match="x must lie in"):
                number("x", value, 0, 1, ends)


@pytest.mark.parametrize("value", ["0.5", None, [0.5], 1j])
def test_what_is_no_number_is_named(value):
    with pytest.raises(TypeError, match="x must be a number, got"):
        number("x", value, 0, 1)


def test_a_word_must_be_one_of_those_possible():
    assert choice("storage", "host", ("device", "host")) == "host"
    for value in ("disk", None, []):
        with pytest.raises(ValueError, match=f"^storage must be one of device, host, got {re.escape(repr(value))}$"):
            choice("storage", value, ("device", "host"))
