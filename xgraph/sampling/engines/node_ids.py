"""Node ids and fan-outs given by a user, checked."""

import operator
from collections.abc import Mapping, Set
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xgraph.sampling.engines.topology import EDGE, EdgeType


def node_ids(name: str, ids: Any, num_nodes: int) -> Tensor:
    """Return node ids as a tensor."""
    found = _as_tensor(name, ids, "integers or a mask")
    if found.ndim != 1:
        raise ValueError(f"{name} must have shape [n], got {list(found.shape)}")
    if found.dtype == torch.bool:
        if len(found) != num_nodes:
            raise ValueError(
                f"{name} must have an entry for each of {num_nodes} nodes if it is a mask, got {len(found)}"
            )
        return found.nonzero()[:, 0]
    if found.is_floating_point() or found.is_complex():
        raise TypeError(f"{name} must be integers or a mask, got a tensor of dtype {found.dtype}")
    found = found.to(torch.int64)
    if found.numel():
        low, high = (int(bound) for bound in torch.aminmax(found))
        if low < 0 or high >= num_nodes:
            wrong = low if low < 0 else high
            raise IndexError(
                f"{name} must be node ids from 0 to {num_nodes - 1}, got {wrong} at position "
                f"{int((found == wrong).nonzero()[0])}"
            )
    return found


def integers(name: str, numbers: Any) -> Tensor:
    """Return integers as a tensor, int64 on the CPU."""
    found = _as_tensor(name, numbers, "integers")
    if found.dtype == torch.bool or found.is_floating_point() or found.is_complex():
        raise TypeError(f"{name} must be integers, got a tensor of dtype {found.dtype}")
    return found.to("cpu", torch.int64)


def _as_tensor(name: str, ids: Any, kind: str) -> Tensor:
    if isinstance(ids, Tensor):
        return ids
    if isinstance(ids, list | tuple | range) and not len(ids):
        return torch.empty(0, dtype=torch.int64)
    try:
        found: Tensor = torch.from_numpy(np.array(ids))
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be {kind}, got {ids!r}") from None
    return found


def fanouts_by_type(num_neighbors: Any, edge_types: list[EdgeType]) -> dict[EdgeType, list[int]]:
    """Return fan-outs for every edge type."""
    if not isinstance(num_neighbors, Mapping):
        fanouts = _hops("num_neighbors", num_neighbors)
        return dict.fromkeys(edge_types, fanouts)
    if EDGE in edge_types:
        raise ValueError(f"num_neighbors must be a list for a graph without edge types, got {dict(num_neighbors)!r}")
    by_name = {"__".join(edge_type): edge_type for edge_type in edge_types}  # as PyG writes types in one string
    given = {by_name.get(key, key): hops for key, hops in num_neighbors.items()}
    for key in given:
        if key not in edge_types:
            raise ValueError(f"num_neighbors has the edge type {key!r}, which the graph has not: {edge_types}")
    missing = [edge_type for edge_type in edge_types if edge_type not in given]
    if missing:
        raise ValueError(f"num_neighbors must have every edge type, got none for {missing[0]} (0 samples no edges)")
    found = {edge_type: _hops(f"num_neighbors of {edge_type}", given[edge_type]) for edge_type in edge_types}
    lengths = {edge_type: len(hops) for edge_type, hops in found.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"num_neighbors must have equally many hops for every edge type, got {lengths}")
    return found


def _hops(name: str, fanouts: Any) -> list[int]:
    # The numbers of a set have no order, and equal ones are one.
    if isinstance(fanouts, int | str | float | Set) or not hasattr(fanouts, "__iter__"):
        raise TypeError(f"{name} must be a list with a number for each hop, got {fanouts!r}")
    found = []
    for fanout in fanouts:
        try:
            number = operator.index(fanout)
        except TypeError:
            raise TypeError(f"{name} must hold integers, got {fanout!r}") from None
        if number < -1 or isinstance(fanout, bool):
            raise ValueError(f"{name} must hold numbers from 0, or -1 for all neighbours, got {fanout!r}")
        found.append(number)
    if not found:
        raise ValueError(f"{name} must have a number for at least one hop, got []")
    return found
