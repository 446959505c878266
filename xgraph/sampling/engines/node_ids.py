"""Checks of node ids and fan-outs."""

import operator
from collections.abc import Mapping, Set
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xgraph.checks import holds_integers, outside
from xgraph.sampling.engines.topology import EDGE, EdgeType


def node_ids(name: str, numbers: Any, num_nodes: int) -> Tensor:
    """Return node ids as a tensor."""
    ids = _as_tensor(name, numbers, "integers or a mask")
    if ids.ndim != 1:
        raise ValueError(f"{name} must have shape [n], got {list(ids.shape)}")
    if ids.dtype == torch.bool:
        if len(ids) != num_nodes:
            raise ValueError(f"{name} must have one entry for each of {num_nodes} nodes if a mask, got {len(ids)}")
        return ids.nonzero()[:, 0]
    if not holds_integers(ids):
        raise TypeError(f"{name} must be integers or a mask, got a tensor of dtype {ids.dtype}")
    ids = ids.to(torch.int64)
    wrong = outside(ids, num_nodes)
    if wrong is not None:
        position = int((ids == wrong).nonzero()[0])
        raise IndexError(f"{name} must be node ids from 0 to {num_nodes - 1}, got {wrong} at position {position}")
    return ids


def integers(name: str, numbers: Any) -> Tensor:
    """Return integers as a tensor, int64 on the CPU."""
    tensor = _as_tensor(name, numbers, "integers")
    if not holds_integers(tensor):
        raise TypeError(f"{name} must be integers, got a tensor of dtype {tensor.dtype}")
    return tensor.to("cpu", torch.int64)


def _as_tensor(name: str, ids: Any, kind: str) -> Tensor:
    if isinstance(ids, Tensor):
        return ids
    if isinstance(ids, list | tuple | range) and not len(ids):
        return torch.empty(0, dtype=torch.int64)
    try:
        tensor: Tensor = torch.from_numpy(np.array(ids))
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be {kind}, got {ids!r}") from None
    return tensor


def fanouts_by_type(num_neighbors: Any, edge_types: list[EdgeType]) -> dict[EdgeType, list[int]]:
    """Return the fan-outs of every edge type."""
    if not isinstance(num_neighbors, Mapping):
        fanouts = _hops("num_neighbors", num_neighbors)
        return dict.fromkeys(edge_types, fanouts)
    if EDGE in edge_types:
        raise ValueError(f"num_neighbors must be a list for a graph without edge types, got {dict(num_neighbors)!r}")
    by_name = {"__".join(edge_type): edge_type for edge_type in edge_types}  # as PyG writes types in one string
    requested = {by_name.get(key, key): hops for key, hops in num_neighbors.items()}
    for key in requested:
        if key not in edge_types:
            raise ValueError(f"num_neighbors must only hold edge types of the graph, {edge_types}, got {key!r}")
    missing = [edge_type for edge_type in edge_types if edge_type not in requested]
    if missing:
        raise ValueError(
            f"num_neighbors must hold every edge type, got none for {missing[0]} (use 0 to sample no edges)"
        )
    by_type = {edge_type: _hops(f"num_neighbors of {edge_type}", requested[edge_type]) for edge_type in edge_types}
    lengths = {edge_type: len(hops) for edge_type, hops in by_type.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"num_neighbors must have the same number of hops for every edge type, got {lengths}")
    return by_type


def _hops(name: str, fanouts: Any) -> list[int]:
    # A set has no order and drops duplicates, so it is rejected.
    if isinstance(fanouts, int | str | float | Set) or not hasattr(fanouts, "__iter__"):
        raise TypeError(f"{name} must be a list with one number per hop, got {fanouts!r}")
    hops = []
    for fanout in fanouts:
        try:
            number = operator.index(fanout)
        except TypeError:
            raise TypeError(f"{name} must hold integers, got {fanout!r}") from None
        if number < -1 or isinstance(fanout, bool):
            raise ValueError(f"{name} must hold numbers of 0 or more, or -1 for all neighbours, got {fanout!r}")
        hops.append(number)
    if not hops:
        raise ValueError(f"{name} must have at least one hop, got []")
    return hops
