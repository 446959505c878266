"""Lists of items and their relevance to queries."""

import math

import pytest
import torch

from xgraph.data import RelevanceLists
from xgraph.relevance import gains

NAN = float("nan")


def test_pairs_are_numbered_by_query_and_item_and_unknown_ones_leave_the_list():
    query, item = torch.tensor([2, 0, 2, 0, 2]), torch.tensor([5, 3, 1, 0, 0])
    lists = RelevanceLists(query, item, [1.0, 2.0, NAN, 3.0, 0.0], num_items=6, num_queries=4)
    assert lists.queries().tolist() == [0, 0, 2]
    assert lists.item.tolist() == [0, 3, 5]
    assert lists.relevance.tolist() == [3.0, 2.0, 1.0]
    assert lists.offsets.tolist() == [0, 2, 2, 3, 3]
    assert lists.list_size.tolist() == [6, 6, 5, 6]
    assert lists.num_relevant.tolist() == [2, 0, 1, 0]
    assert lists.relevant(2).tolist() == [5]
    assert lists.irrelevant(0, torch.arange(4)).tolist() == [1, 2, 4, 5]
    assert lists.irrelevant(2, torch.arange(4)).tolist() == [0, 2, 3, 4]
    assert lists.irrelevant(1, torch.tensor([5, 0])).tolist() == [5, 0]


def test_the_lists_of_a_matrix_hold_its_labelled_items():
    matrix = torch.tensor([[1.0, NAN], [0.0, 2.0], [3.0, 0.0], [NAN, 0.0]])
    lists = RelevanceLists.of_matrix(matrix)
    assert lists.list_size.tolist() == [3, 3]
    assert lists.item.tolist() == [0, 2, 1]
    assert lists.relevance.tolist() == [1.0, 3.0, 2.0]
    assert lists.irrelevant(1, torch.arange(2)).tolist() == [2, 3]
    assert RelevanceLists.of_matrix(torch.tensor([0, 1])).num_pairs == 1


def test_the_ideal_gain_is_that_of_the_sorted_list():
    matrix = torch.randint(0, 4, (12, 5), generator=torch.Generator().manual_seed(0)).double()
    matrix[:, 3] = 0
    lists = RelevanceLists.of_matrix(matrix)
    for gain in ("exp2", "linear"):
        for k in (None, 1, 3, 50):
            for query, value in enumerate(lists.ideal(k, gain).tolist()):
                best = sorted(gains(matrix[:, query], gain).tolist(), reverse=True)[:k]
                assert value == pytest.approx(sum(g / math.log2(place + 2) for place, g in enumerate(best)))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([0], [4]), IndexError, r"item must lie in 0..3, got 4"),
        (([-1], [0]), IndexError, r"query must lie in 0..0, got -1"),
        (([0, 0], [1, 1]), ValueError, "query 0 must name item 1 once"),
        (([0], [1], [-1.0]), ValueError, r"relevance must be 0 or more, or NaN \(missing\), got -1 in row 0"),
        (([0], [1], [float("inf")]), ValueError, "got inf"),
        (([0, 1], [1]), ValueError, "must have the same length"),
        (([0.5], [1]), TypeError, "query must be a list of integers"),
    ],
)
def test_wrong_pairs_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        RelevanceLists(*arguments, num_items=4)
