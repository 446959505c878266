from typing import Any

import numpy as np
import pytest
import torch

from xgraph.data.bags.layout import all_instances, checked_choice, layout


def test_scattered_instances_are_found_in_their_order() -> None:
    ids = np.random.default_rng(0).integers(0, 7, 100)
    ptr, order = layout(None, ids, 100, 7)
    assert order is not None
    for bag in range(7):
        assert order[ptr[bag] : ptr[bag + 1]].tolist() == np.flatnonzero(ids == bag).tolist()


def test_adjacent_instances_need_no_order() -> None:
    ptr, order = layout(None, [0, 0, 1, 2, 2], 5, None)
    assert (ptr.tolist(), order) == ([0, 2, 3, 5], None)
    assert layout(np.array([0, 2, 3, 5], np.int32), None, 5, 3)[0].dtype == torch.int64


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "expected bag_ptr, or bag .* got neither"),
        ({"bag_ptr": [0, 4], "bag": [0] * 4}, "expected bag_ptr, or bag .* got both"),
        ({"bag_ptr": [1, 4]}, r"bag_ptr must begin with 0, got \[1, 4\]"),
        ({"bag_ptr": []}, r"bag_ptr must begin with 0, got \[\]"),
        ({"bag_ptr": [0, 2, 2, 4]}, "bag 1 has no instances"),
        ({"bag_ptr": [0, 2, 2, 4], "names": ["a", "b", "c"]}, "bag 'b' has no instances"),
        ({"bag_ptr": [0, 3, 2, 4]}, "bag 1 has a negative size"),
        ({"bag_ptr": [0, 3]}, "bag_ptr ends with 3, but there are 4 instances: instances without a bag"),
        ({"bag_ptr": [0, 5]}, "bag_ptr ends with 5, but there are 4 instances: fewer"),
        ({"bag_ptr": [0, 2, 4], "num_bags": 3}, "bag_ptr is of 2 bags, but there are labels or names of 3"),
        ({"bag_ptr": [0.0, 4.0]}, "bag_ptr must be a row of integers, got torch.float"),
        ({"bag": [0, 0, 1]}, "bag must name the bag of each of 4 instances, got 3 numbers"),
        ({"bag": [0, -1, 1, 0]}, "instance 1 has the bag -1: expected one of 0 to 1 for 2 bags"),
        ({"bag": [0, 1, 2, 0], "num_bags": 2}, "instance 2 has the bag 2: expected one of 0 to 1 for 2 bags"),
        ({"bag": [0, 2, 2, 0]}, "bag 1 has no instances"),
        ({"bag": [0, 0, 1, 1], "num_bags": 3}, "bag 2 has no instances"),
        ({"bag": [[0, 0, 1, 1]]}, r"bag must be a row of integers, .* shape \[1, 4\]"),
        ({"bag": [True, False, True, True]}, "bag must be a row of integers"),
    ],
)
def test_mistakes(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        layout(**{"bag_ptr": None, "bag": None, "num_instances": 4, "num_bags": None, **options})


def test_all_instances_of_repeated_bags() -> None:
    number, bag = all_instances(torch.tensor([0, 1, 4, 6]), torch.tensor([2, 1, 2]))
    assert number.tolist() == [4, 5, 1, 2, 3, 4, 5]
    assert bag.tolist() == [0, 0, 1, 1, 1, 2, 2]


PTR, NAMES = torch.tensor([0, 1, 4, 6]), ["a", "b", "c"]


def test_a_choice_is_put_in_the_order_of_the_bags() -> None:
    rows = (torch.tensor([3, 5, 1]), torch.tensor([1, 0, 1]))
    number, bag = checked_choice(PTR, torch.tensor([2, 1]), rows, NAMES)
    assert (number.tolist(), bag.tolist()) == ([5, 3, 1], [0, 1, 1])


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (torch.tensor([1, 2]), "rows must be instances and the positions of their bags, got Tensor"),
        ((torch.tensor([5, 1]), torch.tensor([0])), "rows must name a bag for each instance, got 2 and 1"),
        ((torch.tensor([5, 1]), torch.tensor([0, 2])), "rows must name bags by their positions 0 to 1, got 2"),
        ((torch.tensor([5]), torch.tensor([0])), "rows holds no instance of bag 'b'"),
        ((torch.tensor([], dtype=torch.long),) * 2, "rows holds no instance of bag 'c'"),
        ((torch.tensor([5, 4]), torch.tensor([0, 1])), "instance 4 is not of bag 'b'"),
        ((torch.tensor([5, -1]), torch.tensor([0, 1])), "instance -1 is not of bag 'b'"),
        ((torch.tensor([5.0, 1.0]), torch.tensor([0, 1])), "rows must be a row of integers"),
    ],
)
def test_choices_that_do_not_fit(rows: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        checked_choice(PTR, torch.tensor([2, 1]), rows, NAMES)
