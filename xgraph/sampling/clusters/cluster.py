"""The subgraph of a cluster of nodes: the cluster, its one-hop halo, and edges into both."""

from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from xgraph.sampling.engines.topology import Topology

Halo = Literal["none", "read", "batch", "all"]


class Cluster(NamedTuple):
    """A subgraph in the format that `Attributes` expects.

    Args:
        node: Ids of the cluster's nodes, then of the halo in ascending order. Shape ``[n]``.
        row: Sources of the edges, as positions in `node`. Shape ``[e]``.
        col: Targets of the edges, ascending.
        edge: Positions of the edges in ``edge_index``.
        size: Number of nodes in the cluster.
        num_cluster_edges: Number of edges into the cluster; these come first.
    """

    node: Tensor
    row: Tensor
    col: Tensor
    edge: Tensor
    size: int
    num_cluster_edges: int
    batch: None = None
    num_sampled_nodes: None = None
    num_sampled_edges: None = None


def cluster(topology: Topology, outgoing: Topology | None, nodes: Tensor, halo: Halo) -> Cluster:
    """Return the subgraph of a cluster."""
    size = len(nodes)
    local_id = torch.full((topology.num_dst,), -1, device=nodes.device)
    local_id[nodes] = torch.arange(size, device=nodes.device)
    row, col, edge = _edges(topology, nodes)
    if halo == "none":
        row, col, edge = _chosen(local_id[row] >= 0, row, col, edge)
        return Cluster(nodes, local_id[row], col, edge, size, len(row))
    in_halo = torch.zeros(topology.num_dst, dtype=torch.bool, device=nodes.device)
    in_halo[row] = True
    in_halo[nodes] = False
    outside = in_halo.nonzero()[:, 0]
    local_id[outside] = torch.arange(size, size + len(outside), device=nodes.device)
    inner = len(row)
    parts = [(local_id[row], col, edge)]
    if halo == "batch" and outgoing is not None:
        to, source, edge = _edges(outgoing, nodes)
        to, source, edge = _chosen(in_halo[to], to, source, edge)
        col, order = torch.sort(local_id[to], stable=True)
        parts.append((source[order], col, edge[order]))
    elif halo == "all":
        row, col, edge = _edges(topology, outside)
        row, col, edge = _chosen(local_id[row] >= 0, row, col, edge)
        parts.append((local_id[row], col + size, edge))
    row, col, edge = (torch.cat(pieces) for pieces in zip(*parts, strict=True))
    return Cluster(torch.cat([nodes, outside]), row, col, edge, size, inner)


def _edges(topology: Topology, nodes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return all edges of some nodes: the other end, the position of this end in `nodes`, and the id of the edge."""
    first = topology.colptr[nodes]
    count = topology.colptr[nodes + 1] - first
    ends = count.cumsum(0)
    total = int(ends[-1]) if len(ends) else 0
    entry = torch.arange(total, device=nodes.device)
    entry += torch.repeat_interleave(first - ends + count, count, output_size=total)
    own = torch.repeat_interleave(torch.arange(len(nodes), device=nodes.device), count, output_size=total)
    edge = entry if topology.perm is None else topology.perm[entry].long()
    return topology.row[entry].long(), own, edge


def _chosen(mask: Tensor, *tensors: Tensor) -> Any:
    where = mask.nonzero()[:, 0]
    return [tensor[where] for tensor in tensors]
