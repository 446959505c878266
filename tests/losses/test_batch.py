"""Every loss rejects invalid labels and scores and names their row."""

import pytest
import torch

from tests.losses.cases import BY_TASK, LISTS, NAN, NUMBERS, data, tables, trained, unchanged


@pytest.fixture(scope="module")
def histories():
    return {name: {tasks: trained(name, tasks) for tasks in (1, 2)} for name in BY_TASK}


def rejected(loss_fn, message, *arguments):
    before = tables(loss_fn)
    with pytest.raises(ValueError, match=message):
        loss_fn(*arguments)
    assert unchanged(before, loss_fn)


@pytest.mark.parametrize("value", [-1.0, 0.5, 2.0, float("inf")])
def test_invalid_labels_are_rejected(value, histories):
    logits, target, index = data(tasks=2)
    target[3, 1], target[5, 0] = value, NAN
    long = target.repeat(20, 1)
    for name in set(histories) - NUMBERS:
        own = histories[name]
        if name in LISTS and 0 < value < 3:  # they take any number of 0 or more
            continue
        expected = "(0 or more|between 0 and 60), or NaN" if name in LISTS else "0, 1 or NaN"
        message = rf"target must be {expected} \(missing\), got {value:g} in row 3"
        rejected(own[2], message, logits, target, index)
        rejected(own[2], message, logits.repeat(20, 1), long, index.repeat(20))  # too many for the path in plain Python


@pytest.mark.parametrize(
    ("value", "dtype", "rows"),
    [
        (NAN, torch.float16, 12),
        (float("inf"), torch.bfloat16, 400),
        (float("-inf"), torch.float32, 12),
        (NAN, torch.float64, 400),
        (-1e20, torch.float32, 12),  # its square is infinite and would remain in the tables
        (1e20, torch.float32, 12),
        (-1e20, torch.float32, 400),
    ],
)
def test_nonfinite_or_huge_scores_are_rejected(value, dtype, rows, histories):
    logits, target, index = torch.randn(rows).to(dtype), (torch.arange(rows) < 4).float(), torch.arange(rows) % 50
    logits[4], logits[7] = value, value
    if abs(value) == 1e20:
        message = r"logits must lie within ±1e\+15, got -?1(.0000\d*|\.\d+)?e\+20 in row 4"
    else:
        message = f"logits must be finite, got {value} in row 4"
    for own in histories.values():
        rejected(own[1], message, logits, target, index)
