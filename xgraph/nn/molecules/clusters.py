"""Partition of molecules into ring systems and the chains between them."""

import sys
from typing import NamedTuple

import torch
from torch import Tensor


class Clusters(NamedTuple):
    """The clusters of a batch of molecules; the clusters of each molecule form a tree.

    Args:
        of_atom: Cluster of each atom. Shape ``[N]``.
        is_ring: 1 for a ring system, 0 for a chain. Shape ``[M]``.
        edge_index: Pairs of clusters joined by a bond, in both directions. Shape ``[2, L]``.
        graph: Graph of each cluster. Shape ``[M]``.
    """

    of_atom: Tensor
    is_ring: Tensor
    edge_index: Tensor
    graph: Tensor


def clusters(edge_index: Tensor, graph: Tensor) -> Clusters:
    """Cut the bonds between ring systems and the rest; the remaining connected components are the clusters."""
    if torch.compiler.is_compiling() or "torch._dynamo" in sys.modules:
        from xgraph.nn.molecules import uncompiled

        found: Clusters = uncompiled.find_clusters(edge_index, graph)
        return found
    return find(edge_index, graph)


def find(edge_index: Tensor, graph: Tensor) -> Clusters:
    """Compute the clusters, without `torch.compile`."""
    from xgraph.nn.molecules.cluster_loops import find_clusters  # numba is slow to import

    source, target = edge_index.contiguous().cpu().numpy()
    cluster, is_ring = find_clusters(source, target, graph.size(0))
    device = edge_index.device
    of_atom, kind = torch.from_numpy(cluster).to(device), torch.from_numpy(is_ring).to(device)
    ends = of_atom[edge_index]
    of_cluster = graph.new_empty(kind.size(0)).scatter_(0, of_atom, graph)
    return Clusters(of_atom, kind, ends[:, ends[0] != ends[1]], of_cluster)
