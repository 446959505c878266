from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from xgraph.data.bags.values import as_tensor, labels_of


@pytest.mark.parametrize(
    "values",
    [
        torch.tensor([3, 1]),
        torch.tensor([3, 1], requires_grad=False),
        np.array([3, 1]),
        [3, 1],
        (3, 1),
        pd.Series([3, 1], index=["a", "b"]),
    ],
    ids=range(6),
)
def test_numbers_of_any_type(values: Any) -> None:
    assert as_tensor(values, "x").tolist() == [3, 1]


@pytest.mark.parametrize("values", ["ab", ["a"], [None], [[1], [1, 2]], {1: 2}, slice(3), [object()]])
def test_errors_show_values_that_are_not_numbers(values: Any) -> None:
    with pytest.raises(ValueError, match="sizes must be integers, got ."):
        as_tensor(values, "sizes must be integers")
    with pytest.raises(ValueError, match=r"x, got \['a', .{50,52}\.\.\.$"):
        as_tensor(["a"] * 100, "x")


def test_labels() -> None:
    nan = float("nan")
    for given, expected in (
        ([1, 0], [[1], [0]]),
        ([True, False], [[1], [0]]),
        ([[1, None], [nan, 0]], [[1, nan], [nan, 0]]),
        (pd.Series([1, None], index=[7, 9], dtype=object), [[1], [nan]]),
        (torch.tensor([1.0, nan]), [[1], [nan]]),
    ):
        labels = labels_of(given, "y")
        assert labels.dtype == torch.float32
        np.testing.assert_equal(labels.numpy(), np.array(expected, dtype=np.float32))
    assert labels_of([1, 0], "instance_y", n=2).shape == (2,)


def test_numbers_to_predict() -> None:
    nan = float("nan")
    assert labels_of([2.5, -1], "y", numbers=True).tolist() == [[2.5], [-1]]
    np.testing.assert_equal(labels_of([[7, None]], "y", numbers=True).numpy(), [[7, nan]])
    for wrong in ([1, np.inf], [1, 1e39], [None, -1e39]):
        with pytest.raises(ValueError, match="y must be a finite number or NaN .missing.; row 1 has -?inf in 32 bits"):
            labels_of(wrong, "y", numbers=True)


@pytest.mark.parametrize(
    ("y", "text"),
    [
        ([1, 0.5], "y must be 0, 1 or NaN .missing.; row 1 has 0.5; for numbers to predict"),
        ([[1, 0], [0, -1]], "y must be 0, 1 or NaN .missing.; row 1 has -1"),
        ([1, np.inf], "row 1 has inf"),
        (["yes", "no"], "y must be 0, 1 or NaN .missing., got .'yes', 'no'."),
        (1, "shape .n. or .n, T., got"),
    ],
)
def test_invalid_labels_are_rejected(y: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        labels_of(y, "y")
    with pytest.raises(ValueError, match="instance_y must have 3 rows, one per instance"):
        labels_of([1, 0], "instance_y", n=3)
