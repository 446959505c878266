"""Batches after a user's transform: what no longer holds is removed, and what cannot be right is an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data.data import BaseData

_HOPS = ("num_sampled_nodes", "num_sampled_edges")


def transformed(transform: Callable[[Any], Any], batch: Any, seeds: Tensor, node_type: str | None) -> Any:
    """Return a batch after `transform`, without the numbers per hop if it has changed the nodes or edges.

    Args:
        transform: The user's function.
        batch: The sampled batch; its first nodes are the seeds.
        seeds: Ids of the seeds.
        node_type: Type of the seeds, in a graph with node types.

    Raises:
        TypeError: If the function returns nothing.
        ValueError: If the first nodes are no longer the seeds.
    """
    before = _structure(batch)
    result = transform(batch)
    if result is None:
        raise TypeError("transform must return the batch, got None; end it with `return batch`")
    if not isinstance(result, BaseData):
        return result
    store: Any = result.stores[0] if node_type is None else result[node_type]
    first = store.n_id[: len(seeds)].cpu() if isinstance(store.get("n_id"), Tensor) else None
    if first is None or not torch.equal(first, seeds.cpu()):
        got = "has no n_id" if first is None else f"begins with the nodes {first[:5].tolist()}"
        raise ValueError(
            f"transform must keep the seeds as the first nodes of a batch and their n_id, which begins with "
            f"{seeds[:5].tolist()}, but the batch {got}"
        )
    if _structure(result) != before:
        for part in result.stores:
            for name in _HOPS:
                part.pop(name, None)
    return result


def _structure(batch: Any) -> dict[Any, Any]:
    """Return what changes if nodes or edges are added, removed or replaced, in place or not."""
    # The identity of a tensor and its counter of changes in place are compared, not its content.
    found: dict[Any, Any] = {}
    for store in batch.stores:
        edges = store.get("edge_index")
        if edges is not None:
            found[store._key, "edges"] = _Same(edges)
        n_id = store.get("n_id")
        if n_id is not None:
            found[store._key, "nodes"] = len(n_id)
    return found


class _Same:
    """A tensor with its counter of changes in place; equal to another if both are the same or have the same edges."""

    def __init__(self, edges: Any) -> None:
        self.edges, self.version = edges, getattr(edges, "_version", None)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Same):
            return False
        if self.edges is other.edges:
            return bool(self.version == other.version)
        return (
            isinstance(self.edges, Tensor) and isinstance(other.edges, Tensor) and torch.equal(self.edges, other.edges)
        )

    __hash__ = None  # type: ignore[assignment]
