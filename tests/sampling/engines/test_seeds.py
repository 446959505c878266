import numpy as np
import pytest
import torch

from xgraph.sampling.engines.seeds import positions_of, seeds_of

ONE = {"": 5}
TWO = {"paper": 5, "author": 3}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, [0, 1, 2, 3, 4]),
        (torch.tensor([4, 1]), [4, 1]),
        (torch.tensor([4, 1], dtype=torch.int32), [4, 1]),
        (torch.tensor([True, False, False, True, False]), [0, 3]),
        (np.array([False, True, False, False, False]), [1]),
        ([3, 3], [3, 3]),
        (range(2), [0, 1]),
    ],
)
def test_ids_and_masks_are_accepted(given, expected):
    kind, ids = seeds_of(given, ONE)
    assert kind is None
    assert ids.dtype == torch.int64
    assert ids.tolist() == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("author", ("author", [0, 1, 2])),
        (("author", None), ("author", [0, 1, 2])),
        (("paper", torch.tensor([4])), ("paper", [4])),
        (("author", torch.tensor([True, False, True])), ("author", [0, 2])),
    ],
)
def test_node_types_are_accepted(given, expected):
    kind, ids = seeds_of(given, TWO)
    assert (kind, ids.tolist()) == expected


@pytest.mark.parametrize(
    ("given", "sizes", "error", "message"),
    [
        (torch.tensor([True] * 4), ONE, ValueError, "input_nodes must have one entry for each of 5 nodes.*got 4"),
        (torch.tensor([0, 5]), ONE, IndexError, "input_nodes must be node ids from 0 to 4, got 5 at position 1"),
        (torch.tensor([-1]), ONE, IndexError, "got -1 at position 0"),
        (torch.tensor([1.0]), ONE, TypeError, "input_nodes must be integers or a mask, got a tensor of dtype"),
        (torch.tensor([[1]]), ONE, ValueError, r"input_nodes must have shape \[n\], got \[1, 1\]"),
        (torch.tensor([], dtype=torch.int64), ONE, ValueError, "input_nodes must hold at least one node, got none"),
        (torch.zeros(5, dtype=torch.bool), ONE, ValueError, "input_nodes must hold at least one node"),
        ([], ONE, ValueError, "input_nodes must hold at least one node"),
        (None, TWO, TypeError, r"input_nodes must be a node type of the graph \('paper', 'author'\), or a pair"),
        (torch.tensor([1]), TWO, TypeError, "or a pair of a node type and ids or a mask, got Tensor"),
        (("venue", None), TWO, ValueError, "must have a node type of the graph.*got 'venue'"),
        (("author", torch.tensor([3])), TWO, IndexError, "input_nodes of type 'author' must be.*got 3"),
        (("author", torch.tensor([])), TWO, TypeError, "dtype torch.float32"),
    ],
)
def test_invalid_seeds_are_rejected(given, sizes, error, message):
    with pytest.raises(error, match=message):
        seeds_of(given, sizes)


def test_positions_are_converted():
    for given in ([2, 0], torch.tensor([2, 0]), np.array([2, 0]), (2, 0)):
        assert positions_of(given, 3).tolist() == [2, 0]


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ([0, 3], IndexError, "batch_sampler must yield positions from 0 to 2 in input_nodes, got 3"),
        ([-1], IndexError, "got -1"),
        (3, ValueError, "batch_sampler must yield lists of positions in input_nodes, got 3"),
        ([], ValueError, "batch_sampler must yield lists of positions"),
        ([0.0], TypeError, "batch_sampler must yield lists of integers, got torch.float32"),
        ([True], TypeError, "got torch.bool"),
        (["a"], TypeError, r"batch_sampler must yield lists of integers, got \['a'\]"),
    ],
)
def test_invalid_positions_are_rejected(given, error, message):
    with pytest.raises(error, match=message):
        positions_of(given, 3)
