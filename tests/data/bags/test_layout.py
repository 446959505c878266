from typing import Any

import numpy as np
import pytest
import torch

from xgraph.data.bags.layout import all_instances, checked_choice, layout


def test_scattered_instances_keep_their_order() -> None:
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
        ({}, "expected either bag_ptr or bag .* got neither"),
        ({"bag_ptr": [0, 4], "bag": [0] * 4}, "expected either bag_ptr or bag .* got both"),
        ({"bag_ptr": [1, 4]}, r"bag_ptr must begin with 0, got \[1, 4\]"),
        ({"bag_ptr": []}, r"bag_ptr must begin with 0, got \[\]"),
        ({"bag_ptr": [0, 2, 2, 4]}, "bag 1 has no instances"),
        ({"bag_ptr": [0, 2, 2, 4], "names": ["a", "b", "c"]}, "bag 'b' has no instances"),
        ({"bag_ptr": [0, 3, 2, 4]}, "bag 1 has a negative size"),
        ({"bag_ptr": [0, 3]}, "bag_ptr must end with the number of instances, 4, got 3"),
        ({"bag_ptr": [0, 5]}, "bag_ptr must end with the number of instances, 4, got 5"),
        ({"bag_ptr": [0, 2, 4], "num_bags": 3}, "bag_ptr has 2 bags, but there are labels or names for 3"),
        ({"bag_ptr": [0.0, 4.0]}, "bag_ptr must be a sequence of integers, got torch.float"),
        ({"bag": [0, 0, 1]}, "bag must have 4 entries, one per instance, got 3"),
        ({"bag": [0, -1, 1, 0]}, "bag must be between 0 and 1 for 2 bags, got -1 for instance 1"),
        ({"bag": [0, 1, 2, 0], "num_bags": 2}, "bag must be between 0 and 1 for 2 bags, got 2 for instance 2"),
        ({"bag": [0, 2, 2, 0]}, "bag 1 has no instances"),
        ({"bag": [0, 0, 1, 1], "num_bags": 3}, "bag 2 has no instances"),
        ({"bag": [[0, 0, 1, 1]]}, r"bag must be a sequence of integers, .* shape \[1, 4\]"),
        ({"bag": [True, False, True, True]}, "bag must be a sequence of integers"),
    ],
)
def test_invalid_arguments_are_rejected(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        layout(**{"bag_ptr": None, "bag": None, "num_instances": 4, "num_bags": None, **options})


def test_all_instances_of_repeated_bags() -> None:
    number, bag = all_instances(torch.tensor([0, 1, 4, 6]), torch.tensor([2, 1, 2]))
    assert number.tolist() == [4, 5, 1, 2, 3, 4, 5]
    assert bag.tolist() == [0, 0, 1, 1, 1, 2, 2]


PTR, NAMES = torch.tensor([0, 1, 4, 6]), ["a", "b", "c"]


def test_selected_instances_are_sorted_by_bag() -> None:
    rows = (torch.tensor([3, 5, 1]), torch.tensor([1, 0, 1]))
    number, bag = checked_choice(PTR, torch.tensor([2, 1]), rows, NAMES)
    assert (number.tolist(), bag.tolist()) == ([5, 3, 1], [0, 1, 1])


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (torch.tensor([1, 2]), "rows must be a pair: instances and the positions of their bags, got Tensor"),
        ((torch.tensor([5, 1]), torch.tensor([0])), "rows must have one bag per instance, got 2 instances and 1 bags"),
        ((torch.tensor([5, 1]), torch.tensor([0, 2])), "rows must refer to bags by positions 0 to 1, got 2"),
        ((torch.tensor([5]), torch.tensor([0])), "rows has no instance of bag 'b'"),
        ((torch.tensor([], dtype=torch.long),) * 2, "rows has no instance of bag 'c'"),
        ((torch.tensor([5, 4]), torch.tensor([0, 1])), "rows assigns instance 4 to bag 'b'"),
        ((torch.tensor([5, -1]), torch.tensor([0, 1])), "rows assigns instance -1 to bag 'b'"),
        ((torch.tensor([5.0, 1.0]), torch.tensor([0, 1])), "rows must be a sequence of integers"),
    ],
)
def test_invalid_selections_are_rejected(rows: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        checked_choice(PTR, torch.tensor([2, 1]), rows, NAMES)
