"""Checks of the nodes whose neighbourhoods are sampled."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xgraph.checks import holds_integers, outside
from xgraph.sampling.engines.node_ids import node_ids


def seeds_of(input_nodes: Any, num_nodes: Mapping[str, int]) -> tuple[str | None, Tensor]:
    """Return the node type and the ids of seeds."""
    node_type = None
    if "" not in num_nodes:
        pair = (input_nodes, None) if isinstance(input_nodes, str) else input_nodes
        known = ", ".join(map(repr, num_nodes))
        if not (isinstance(pair, tuple | list) and len(pair) == 2 and isinstance(pair[0], str)):
            raise TypeError(
                f"input_nodes must be a node type of the graph ({known}), or a pair of a node type and ids or a mask, "
                f"got {type(pair).__name__}"
            )
        node_type, input_nodes = pair
        if node_type not in num_nodes:
            raise ValueError(f"input_nodes must have a node type of the graph ({known}), got {node_type!r}")
    size = num_nodes["" if node_type is None else node_type]
    name = "input_nodes" if node_type is None else f"input_nodes of type {node_type!r}"
    ids = torch.arange(size) if input_nodes is None else node_ids(name, input_nodes, size).cpu()
    if not len(ids):
        raise ValueError(f"{name} must hold at least one node, got none")
    return node_type, ids


def is_mask(input_nodes: Any) -> bool:
    """Whether seeds are given as a mask, with or without a node type."""
    if isinstance(input_nodes, tuple | list) and len(input_nodes) == 2 and isinstance(input_nodes[0], str):
        input_nodes = input_nodes[1]
    if isinstance(input_nodes, Tensor | np.ndarray):
        return str(input_nodes.dtype) in ("torch.bool", "bool")
    return isinstance(input_nodes, list) and bool(input_nodes) and all(isinstance(one, bool) for one in input_nodes)


def positions_of(chosen: Any, number: int, items: str = "input_nodes") -> Tensor:
    """Return the positions in `items` that a batch sampler chose for a batch."""
    try:
        positions = torch.as_tensor(chosen).cpu()
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"batch_sampler must yield lists of integers, got {chosen!r}") from None
    if positions.dim() != 1 or not (len(positions) or holds_integers(positions)):  # a process's share may be empty
        raise ValueError(f"batch_sampler must yield lists of positions in {items}, got {chosen!r}")
    if not holds_integers(positions):
        raise TypeError(f"batch_sampler must yield lists of integers, got {positions.dtype}")
    wrong = outside(positions, number)
    if wrong is not None:
        raise IndexError(f"batch_sampler must yield positions from 0 to {number - 1} in {items}, got {wrong}")
    return positions.long()
