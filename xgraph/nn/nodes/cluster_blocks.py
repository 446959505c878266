"""Splits a batch into the edges of a cluster and those of its halo."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from xgraph.nn.convolutions.block import Block, count_self_loops, in_degree


class Halo(NamedTuple):
    """The edges into a cluster's halo: the batch's other nodes.

    Args:
        order: The batch's nodes, with the halo first and the cluster last. Shape ``[N]``.
        block: The edges, as positions in that order.
        known: Whether a halo node has an edge in the batch, or has none in the whole graph. Shape ``[num_halo]``.
    """

    order: Tensor
    block: Block
    known: Tensor

    @classmethod
    def of(cls, edges: Tensor, cluster: Block) -> "Halo":
        """Reorder a batch so that the halo's nodes are the targets."""
        size, count = cluster.num_targets, len(cluster.n_id)
        beside = count - size
        order = torch.arange(count, device=edges.device).roll(-size)
        edges = torch.stack([(edges[0] - size) % count, edges[1] - size])
        loops = None if cluster.loops is None else cluster.loops[order]
        block = Block(edges, beside, cluster.degree[order], cluster.n_id[order], loops)
        return cls(order, block, (in_degree(edges[1], beside) > 0) | (block.degree[:beside] == 0))


def cluster_blocks(
    batch: Any, num_nodes: int, *, loops: bool = False, always: bool = False
) -> tuple[Block, Halo | None]:
    """Return the edges into a batch's cluster, and those into its halo if it has one or `always`; loops if `loops`."""
    count, edges = batch.x.size(0), batch.edge_index
    size = int(getattr(batch, "batch_size", None) or count)
    n_id: Any = getattr(batch, "n_id", None)
    degree: Any = getattr(batch, "degree", None)
    if size == count == num_nodes:
        n_id = torch.arange(count, device=edges.device) if n_id is None else n_id
        degree = in_degree(edges[1], count) if degree is None else degree
    for name, value in (("n_id", n_id), ("degree", degree)):
        if value is None:
            raise ValueError(
                f"the batch has no {name}: use xgraph.sampling.ClusterLoader, or pass the whole graph of "
                f"num_nodes={num_nodes} nodes, got {count} nodes"
            )
        if list(value.shape) != [count]:
            raise ValueError(f"{name} must have one entry for each of {count} nodes, got shape {list(value.shape)}")
    n_id = n_id.long()
    _check_nodes(n_id, num_nodes)
    within, beyond = _split(batch, size, count)
    expected = int(degree[:size].sum())
    if within.size(1) != expected:
        raise ValueError(
            f"the batch must have all {expected} edges into its first batch_size={size} nodes, got "
            f"{within.size(1)}: use xgraph.sampling.ClusterLoader with a halo"
        )
    own: Any = getattr(batch, "self_loops", None) if loops else None
    own = count_self_loops(edges, degree) if loops and own is None else own
    cluster = Block(within, size, degree, n_id, own)
    return cluster, None if size == count and not always else Halo.of(beyond, cluster)


def _split(batch: Any, size: int, count: int) -> tuple[Tensor, Tensor]:
    """Return the edges into the first nodes of a batch, and the other edges."""
    edges, cut = batch.edge_index, getattr(batch, "num_cluster_edges", None)
    if size == count:
        return edges, edges[:, :0]
    if cut is not None:
        return edges[:, :cut], edges[:, cut:]
    inside = edges[1] < size
    return edges[:, inside], edges[:, ~inside]


def _check_nodes(n_id: Tensor, num_nodes: int) -> None:
    ordered = n_id.sort().values
    if not len(ordered):
        return
    low, high = int(ordered[0]), int(ordered[-1])
    if low < 0 or high >= num_nodes:
        raise IndexError(
            f"n_id must be between 0 and {num_nodes - 1}, as the tables have num_nodes={num_nodes}, got "
            f"{low if low < 0 else high}; if the graph has grown, create a new GraphFMOB of the same model"
        )
    again = (ordered[1:] == ordered[:-1]).nonzero()
    if len(again):
        raise ValueError(
            f"n_id must not contain duplicates, but node {int(ordered[again[0, 0]])} occurs more than once"
        )
