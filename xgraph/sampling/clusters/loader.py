"""Batches of clusters of nodes, with their neighbours."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from xgraph.checks import integer
from xgraph.sampling.clusters.cluster import Halo, cluster
from xgraph.sampling.engines.node_ids import integers
from xgraph.sampling.engines.seeds import seeds_of
from xgraph.sampling.engines.self_loops import with_self_loops
from xgraph.sampling.engines.topology import EDGE, NODE, Graph, Topology
from xgraph.sampling.memory.features import to_device
from xgraph.sampling.memory.storage import Placement
from xgraph.sampling.neighbors.attributes import Attributes, bytes_of
from xgraph.sampling.neighbors.orders import InOrder
from xgraph.sampling.neighbors.resumable import ResumableLoader
from xgraph.storage import Storage

if TYPE_CHECKING:
    from torch_geometric.typing import InputNodes


class ClusterLoader(ResumableLoader):
    """Loads clusters of nodes with their one-hop halo, for GraphFM-OB, GNNAutoScale and Cluster-GCN.

    A batch is the union of some ``parts`` of the graph: first the nodes of these parts, then the halo, the other nodes
    with an edge into them. Each batch is a ``Data`` like the graph itself: attributes with one entry per node or edge
    hold the entries of the batch, all others are passed on unchanged. A batch has all edges into its first
    ``batch_size`` nodes (unless ``halo="none"``), followed by the edges into the halo selected by ``halo``, sorted by
    target. Batches also have:

    - ``n_id``, ``e_id``: ids of the nodes and edges (positions in ``edge_index``) in the whole graph,
    - ``batch_size``: number of nodes in the parts, and ``num_cluster_edges``: number of edges into these nodes,
    - ``input_mask``: which of the first ``batch_size`` nodes are input nodes. Shape ``[batch_size]``, bool,
    - ``input_id``: positions of these in ``input_nodes``,
    - ``degree``: the nodes' true in-degrees, and ``self_loops``, the numbers of their self-loops if the graph has
      any. If the graph already has an attribute of that name, it is kept.

    Compute the loss as ``loss_fn(model(batch)[batch.input_mask], batch.y[: batch.batch_size][batch.input_mask])``.
    Batches without input nodes are returned too, because later batches can use the embeddings of their nodes.

    Every ``for`` loop over the loader is a new epoch, which contains each part once. The batches only depend on the
    arguments, ``seed`` and the epoch. Leaving a loop early stops its thread.

    GraphFM-OB: `Yu et al., ICML 2022 <https://arxiv.org/abs/2206.07161>`__; GNNAutoScale: `Fey et al., ICML 2021
    <https://arxiv.org/abs/2106.05609>`__; Cluster-GCN: `Chiang et al., KDD 2019 <https://arxiv.org/abs/1905.07953>`__.

    Args:
        data: The graph. Edges are copied. Attributes are not copied if they are already in the requested storage.
        parts: The part of each node, from 0, as returned by :func:`~xgraph.sampling.partition`. Shape ``[num_nodes]``.
        batch_size: Parts per batch.
        shuffle: Whether to reshuffle the parts in every epoch.
        seed: Seed of shuffling, not negative.
        input_nodes: Nodes to train on: ids without duplicates, or a mask; None for all nodes.
        halo: Which nodes and edges to add. "none": no halo, only the edges within the batch (Cluster-GCN); "read": the
            halo, without edges into it (GNNAutoScale); "batch": also the edges from the batch's nodes into the halo
            (GraphFM-OB); "all": also the edges between halo nodes, which is the most complete and the slowest.
        device: Device of the batches: "cpu" or "cuda".
        storage: Where to keep graph and attributes: "device", "pinned", "host" or "mmap"; see
            :class:`~xgraph.sampling.NeighborLoader`.
        prefetch: Number of batches that a thread prepares in advance; 0 for no thread.
        transform: A function applied to each batch, in the thread.
        sparse: Whether to keep the rows of sparse attributes sparse (CSR).

    Raises:
        ValueError: If an argument is out of range, ``parts`` does not have one entry per node, an attribute such as
            ``y`` has neither one entry per node nor one per edge, there is no GPU, or the graph is too large for it.
        IndexError: If ``input_nodes`` holds a node that is not in the graph.
        TypeError: If an argument has the wrong type.

    Example:
        >>> ring = torch.tensor([[0, 1, 2, 3], [1, 2, 3, 0]])
        >>> data = Data(x=torch.eye(4), edge_index=ring)
        >>> loader = ClusterLoader(data, torch.tensor([0, 0, 1, 1]))
        >>> batch = next(iter(loader))
        >>> batch.n_id.tolist(), batch.batch_size, batch.edge_index.tolist()
        ([0, 1, 3], 2, [[2, 0], [0, 1]])
    """

    def __init__(
        self,
        data: Data,
        parts: Tensor,
        batch_size: int = 1,
        *,
        shuffle: bool = False,
        seed: int = 0,
        input_nodes: InputNodes = None,
        halo: Halo = "batch",
        device: str | torch.device = "cpu",
        storage: Storage = "device",
        prefetch: int = 2,
        transform: Callable[[Any], Any] | None = None,
        sparse: bool = False,
    ) -> None:
        if not isinstance(data, Data):
            raise TypeError(f"data must be PyG's Data, got {type(data).__name__}")
        if halo not in get_args(Halo):
            raise ValueError(f"halo must be one of {', '.join(get_args(Halo))}, got {halo!r}")
        self.placement = Placement.of(device, storage)
        super().__init__(prefetch, self.placement.device, transform)
        self.halo: Halo = halo
        graph = Graph.from_data(data)
        data = with_self_loops(data)
        topologies = [graph.topologies[EDGE]]
        num_nodes = graph.num_nodes[NODE]
        if halo == "batch":
            topologies.append(Topology.from_edge_index(data.edge_index.flip(0), num_nodes, num_nodes))
        size = sum(topology.nbytes for topology in topologies) + bytes_of(data, self.placement)
        self.placement.require("the graph and its attributes", size)
        self._topology, *outgoing = [topology.map(self.placement.put) for topology in topologies]
        self._outgoing = outgoing[0] if outgoing else None
        self._attributes = Attributes(data, self.placement, sparse=sparse, most=self.prefetch + 2)
        self._adds_degree = "degree" not in data
        parts = _checked(parts, num_nodes)
        ends = np.unique(parts.numpy(), return_counts=True)[1].cumsum()
        self._members = parts.argsort(stable=True).tensor_split(ends[:-1].tolist())
        _, self.input_nodes = seeds_of(input_nodes, graph.num_nodes)
        self._input_id = torch.full((num_nodes,), -1)  # for every node; −1 if it is not an input node
        self._input_id[self.input_nodes] = torch.arange(len(self.input_nodes))
        if int((self._input_id >= 0).sum()) < len(self.input_nodes):
            raise ValueError("input_nodes must not hold duplicates, got a node that occurs more than once")
        self.batch_size = integer("batch_size", batch_size, 1)
        self._checksum = zlib.crc32(parts.numpy().data)
        self._set_order(InOrder(len(self._members), batch_size, shuffle, seed))

    def _identity(self) -> dict[str, int]:
        return {"parts": self._checksum}

    def __repr__(self) -> str:
        where = f"device={self.placement.device}, storage={self.placement.storage}"
        sizes = f"{self._topology.num_dst} nodes in {len(self._members)} parts, batch_size={self.batch_size}"
        return f"{type(self).__name__}({sizes}, halo={self.halo!r}, {where})"

    def _make(self, chosen: Any, epoch: int) -> Any:
        return self.load(chosen.tolist())

    def load(self, chosen: list[int]) -> Any:
        """Return the batch of chosen parts.

        Args:
            chosen: Numbers of the parts, counted from 0 without empty parts.
        """
        device = self.placement.device
        none = self._members[0][:0]
        nodes = torch.cat([none, *(self._members[number] for number in chosen)])
        subgraph = cluster(self._topology, self._outgoing, to_device(nodes, self._topology.colptr.device), self.halo)
        batch = self._attributes.batch(subgraph)
        del batch.num_sampled_nodes, batch.num_sampled_edges  # there are no hops
        if self._adds_degree:
            batch.degree = to_device(self._topology.degree.index_select(0, subgraph.node), device)
        input_id = self._input_id[nodes]
        mask = input_id >= 0
        batch.input_mask, batch.input_id = to_device(mask, device), to_device(input_id[mask], device)
        batch.batch_size, batch.num_cluster_edges = subgraph.size, subgraph.num_cluster_edges
        return batch if self.transform is None else self.transform(batch)


def _checked(parts: Any, num_nodes: int) -> Tensor:
    numbers = integers("parts", parts)
    if numbers.shape != (num_nodes,):
        raise ValueError(f"parts must have one entry for each of {num_nodes} nodes, got shape {list(numbers.shape)}")
    if num_nodes and int(numbers.min()) < 0:
        raise ValueError(f"parts must not be negative, got {int(numbers.min())} for node {int(numbers.argmin())}")
    return numbers
