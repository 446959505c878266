"""Molecules seen from further away: ring systems, the chains between them, and what they are joined to."""

from typing import NamedTuple

import torch
from torch import Tensor


class Clusters(NamedTuple):
    """The clusters of the molecules of a batch, which make a tree of each molecule.

    Args:
        of_atom: Cluster of each atom. Shape ``[N]``.
        is_ring: 1 for a ring system, 0 for a chain. Shape ``[M]``.
        edge_index: Clusters that a bond joins, in both directions. Shape ``[2, L]``.
        graph: Graph of each cluster. Shape ``[M]``.
    """

    of_atom: Tensor
    is_ring: Tensor
    edge_index: Tensor
    graph: Tensor


@torch.compiler.disable  # type: ignore[untyped-decorator]
def clusters(edge_index: Tensor, graph: Tensor) -> Clusters:
    """Cut the bonds that join a ring system to something else: what hangs together still is a cluster.

    A ring system is a set of atoms that stay connected whichever one of their bonds is cut, such as the ten carbons of
    naphthalene; rings that a bond joins are two, rings that share an atom are one. A chain is what connects atoms that
    are in no ring. Unlike the rings of a smallest set, all these are unique, whatever the order of the atoms.

    It is computed on the CPU, so a GPU is waited for; `torch.compile` leaves it out.

    Args:
        edge_index: Source and target of each edge, both directions of each bond. Shape ``[2, E]``.
        graph: Graph of each atom. Shape ``[N]``.

    Example:
        >>> ring_with_a_tail = torch.tensor([[0, 1, 1, 2, 2, 0, 2, 3, 3, 4], [1, 0, 2, 1, 0, 2, 3, 2, 4, 3]])
        >>> found = clusters(ring_with_a_tail, torch.zeros(5, dtype=torch.long))
        >>> found.of_atom.tolist(), found.is_ring.tolist(), found.edge_index.tolist()
        ([0, 0, 0, 1, 1], [1, 0], [[0, 1], [1, 0]])
    """
    from xgraph.nn.molecules.cluster_loops import find_clusters  # numba takes its time to import

    source, target = edge_index.contiguous().cpu().numpy()
    cluster, is_ring = find_clusters(source, target, graph.size(0))
    device = edge_index.device
    of_atom, kind = torch.from_numpy(cluster).to(device), torch.from_numpy(is_ring).to(device)
    ends = of_atom[edge_index]
    of_cluster = graph.new_empty(kind.size(0)).scatter_(0, of_atom, graph)
    return Clusters(of_atom, kind, ends[:, ends[0] != ends[1]], of_cluster)
