import numpy as np
import pytest
import torch

from xgraph.sampling.items.checks import integer, num_positives, share


@pytest.mark.parametrize("value", [3, np.int64(3), torch.tensor(3)])
def test_an_integer_of_any_type(value):
    assert integer("size", value, 3) == 3
    assert type(integer("size", value, 3)) is int


@pytest.mark.parametrize("value", [3.0, "3", None, torch.tensor(3.5), [3]])
def test_what_is_no_integer_is_refused_by_name(value):
    with pytest.raises(TypeError, match=r"^size must be an integer, got "):
        integer("size", value, 0)


def test_an_integer_has_a_least_value():
    assert integer("size", 0, 0) == 0
    with pytest.raises(ValueError, match=r"^size must be at least 2, got 1$"):
        integer("size", 1, 2)


@pytest.mark.parametrize("value", [0.25, np.float32(0.25), torch.tensor(0.25)])
def test_a_share_of_any_type(value):
    assert share("rate", value) == 0.25
    assert type(share("rate", value)) is float


@pytest.mark.parametrize("value", [0, 1, -0.1, 1.5, float("nan"), float("inf")])
def test_a_share_out_of_range_is_refused_by_name(value):
    with pytest.raises(ValueError, match=r"^rate must be between 0 and 1 \(both excluded\), got "):
        share("rate", value)


@pytest.mark.parametrize("value", ["0.5", None, [0.5], torch.tensor([0.5, 0.5]), np.array([0.5, 0.5]), 0.5j])
def test_what_is_no_share_is_refused_by_name(value):
    with pytest.raises(TypeError, match=r"^rate must be a number between 0 and 1, got "):
        share("rate", value)


@pytest.mark.parametrize(
    ("size", "rate", "expected"), [(10, 0.5, 5), (10, 0.01, 1), (10, 0.99, 9), (2, 0.9, 1), (64, 0.1, 6)]
)
def test_both_classes_have_a_place(size, rate, expected):
    assert num_positives(size, rate) == expected
