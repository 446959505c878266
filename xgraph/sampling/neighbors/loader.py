"""Batches of sampled neighbourhoods for any PyG model."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch_geometric.data import Data, HeteroData

from xgraph.checks import integer
from xgraph.sampling.engines.seeds import is_mask, seeds_of
from xgraph.sampling.engines.self_loops import with_self_loops
from xgraph.sampling.engines.topology import EDGE, Graph
from xgraph.sampling.items.epochs import EpochSampler
from xgraph.sampling.memory.features import to_device
from xgraph.sampling.memory.storage import Placement
from xgraph.sampling.neighbors.attributes import Attributes, bytes_of
from xgraph.sampling.neighbors.orders import AnyBatches, InOrder
from xgraph.sampling.neighbors.pyg_arguments import reject
from xgraph.sampling.neighbors.resumable import ResumableLoader
from xgraph.sampling.neighbors.sampler import NeighborSampler
from xgraph.sampling.neighbors.transformed import transformed
from xgraph.storage import Storage

if TYPE_CHECKING:
    from torch_geometric.typing import InputNodes

    from xgraph.sampling.engines.sampled import Mode


class NeighborLoader(ResumableLoader):
    """Loads sampled neighbourhoods of seed nodes as PyG graphs, without any compiled extension of PyG.

    Each batch is a ``Data`` or ``HeteroData`` like the graph itself. ``x``, ``y``, ``edge_attr`` and every other
    attribute with one entry per node or edge holds the entries of the sampled nodes or edges, in sampling order, so
    the first ``batch_size`` nodes are the seeds. All other attributes are passed on unchanged. As in PyG, batches also
    have:

    - ``n_id``, ``e_id``: ids of the nodes and edges (positions in ``edge_index``) in the whole graph,
    - ``batch_size``, and ``input_id``: positions of the seeds in ``input_nodes``; in a mask these are the node ids,
    - ``num_sampled_nodes``, ``num_sampled_edges``: numbers per hop, for ``torch_geometric.utils.trim_to_layer``,
    - ``batch`` if ``disjoint``: the seed that a node belongs to.

    In addition, ``degree`` holds the nodes' true in-degrees, for feature momentum. In heterogeneous graphs, each edge
    type has the degrees of its target nodes. If a graph of one type has self-loops, ``self_loops`` holds their number
    for each node. If the graph already has an attribute of that name, it is kept.

    The batches only depend on the arguments, ``seed`` and the epoch, not on ``prefetch``, ``storage`` or ``device``.
    Every ``for`` loop over the loader is a new epoch. Leaving a loop early stops its thread; two loops can run at the
    same time.

    Args:
        data: The graph. Edges are copied. Attributes are not copied if they are already in the requested storage:
            changes written into such a tensor appear in later batches. Assigning other tensors has no effect.
        num_neighbors: Number of neighbours to sample per node in each hop: a list, or one list per edge type; -1 for
            all neighbours.
        input_nodes: The seeds: ids or a mask; None for all nodes. In a heterogeneous graph, a pair of node type and
            ids, mask or None, or the type alone.
        batch_size: Seeds per batch.
        shuffle: Whether to reshuffle the seeds in every epoch.
        replace: Whether to sample with replacement.
        disjoint: Whether to sample a separate subgraph for each seed, without shared nodes.
        mode: "uniform" or "labor" (see :class:`NeighborSampler`).
        seed: Seed of sampling and shuffling, not negative.
        device: Device of the batches: "cpu" or "cuda".
        storage: Where to keep graph and attributes: "device" (memory of ``device``), "pinned" (page-locked host
            memory, read by the GPU), "host" (host memory) or "mmap" (files on disk). Sampling runs on the CPU for
            "host" and "mmap".
        prefetch: Number of batches that a thread prepares in advance; 0 for no thread.
        batch_sampler: An iterable of lists of positions in ``input_nodes``, for example a
            :class:`~xgraph.sampling.DualSampler` over their labels. Its ``set_epoch`` is called. Cannot be combined
            with ``batch_size``, ``shuffle`` and ``drop_last``.
        drop_last: Whether to drop the last batch of an epoch if it is smaller than the others.
        transform: A function applied to each batch, in the thread; it must return the batch and keep the seeds first.
            If it adds, removes or reorders nodes or edges, the batch has no numbers per hop, so that models use all of
            its edges in every layer.
        sparse: Whether to keep the rows of sparse attributes sparse (CSR), for models that support it. By default
            batches hold dense rows, which every model accepts.
        **unsupported: Other arguments of PyG's loader; each raises an error that names the alternative.

    Raises:
        ValueError: If an argument is out of range, an attribute such as ``y`` has neither one entry per node nor one
            per edge, a mask has the wrong size, ``input_nodes`` is empty, a node type does not exist, there is no GPU,
            or the graph is too large for it.
        IndexError: If ``input_nodes`` holds a node that is not in the graph.
        TypeError: If an argument has the wrong type, for example if ids are not integers, or is not supported.

    Example:
        >>> edge_index = torch.tensor([[1, 2, 3, 0], [0, 0, 1, 2]])
        >>> data = Data(x=torch.arange(8.0).view(4, 2), edge_index=edge_index, y=torch.tensor([0, 1, 0, 1]))
        >>> loader = NeighborLoader(data, num_neighbors=[2, 1], input_nodes=torch.tensor([0, 3]), batch_size=1)
        >>> batch = next(iter(loader))
        >>> batch.n_id.tolist(), batch.degree.tolist(), batch.num_sampled_nodes
        ([0, 1, 2, 3], [2, 1, 1, 0], [1, 2, 1])
        >>> bool((batch.x == data.x[batch.n_id]).all()), len(loader)
        (True, 2)
    """

    def __init__(
        self,
        data: Data | HeteroData,
        num_neighbors: Sequence[int] | Mapping[Any, Sequence[int]],
        input_nodes: InputNodes = None,
        *,
        batch_size: int = 1,
        shuffle: bool = False,
        replace: bool = False,
        disjoint: bool = False,
        mode: Mode = "uniform",
        seed: int = 0,
        device: str | torch.device = "cpu",
        storage: Storage = "device",
        prefetch: int = 2,
        batch_sampler: Iterable[Sequence[int]] | None = None,
        drop_last: bool = False,
        transform: Callable[[Any], Any] | None = None,
        sparse: bool = False,
        **unsupported: Any,
    ) -> None:
        reject(unsupported)
        if not isinstance(data, Data | HeteroData):
            hint = "; PyG's feature and graph stores are not supported" if isinstance(data, tuple) else ""
            raise TypeError(f"data must be PyG's Data or HeteroData, got {type(data).__name__}{hint}")
        self.placement = Placement.of(device, storage)
        super().__init__(prefetch, self.placement.device, transform)
        self.seed = integer("seed", seed, 0)
        graph = Graph.from_data(data)
        data = with_self_loops(data)
        self.placement.require("the graph and its attributes", graph.nbytes + bytes_of(data, self.placement))
        self.neighbor_sampler = NeighborSampler(
            graph,
            num_neighbors,
            replace=replace,
            disjoint=disjoint,
            mode=mode,
            seed=seed,
            device=device,
            storage=storage,
        )
        # Batches alive at the same time: those waiting, the one in the loop, and the one being prepared.
        self._attributes = Attributes(data, self.placement, sparse=sparse, most=self.prefetch + 2)
        self._adds_degree = "degree" not in data
        self._set_batches(input_nodes, batch_size, shuffle, drop_last, batch_sampler, transform)

    def with_batches(
        self,
        input_nodes: InputNodes = None,
        *,
        batch_size: int = 1,
        shuffle: bool = False,
        batch_sampler: Iterable[Sequence[int]] | None = None,
        drop_last: bool = False,
        transform: Callable[[Any], Any] | None = None,
    ) -> NeighborLoader:
        """Return a loader with other seeds or batches that shares this loader's graph, attributes and settings.

        Args:
            input_nodes: The seeds.
            batch_size: Seeds per batch.
            shuffle: Whether to reshuffle the seeds in every epoch.
            batch_sampler: Lists of positions in ``input_nodes``.
            drop_last: Whether to drop the last batch of an epoch if it is smaller than the others.
            transform: A function applied to each batch.

        Example:
            >>> data = Data(x=torch.eye(3), edge_index=torch.tensor([[0, 1], [1, 2]]))
            >>> train = NeighborLoader(data, [2], torch.tensor([0, 1]), shuffle=True)
            >>> [batch.n_id.tolist() for batch in train.with_batches(torch.tensor([2]))]
            [[2, 1]]
        """
        other = copy.copy(self)
        other._set_batches(input_nodes, batch_size, shuffle, drop_last, batch_sampler, transform)
        return other

    def _set_batches(
        self,
        input_nodes: Any,
        batch_size: int,
        shuffle: bool,
        drop_last: bool,
        batch_sampler: Any,
        transform: Callable[[Any], Any] | None,
    ) -> None:
        self.batch_size = integer("batch_size", batch_size, 1)
        if batch_sampler is not None and (batch_size != 1 or shuffle or drop_last):
            raise ValueError(
                "batch_sampler cannot be combined with batch_size, shuffle and drop_last: it defines the batches"
            )
        self._set_transform(transform)
        self.input_type, self.input_nodes = seeds_of(input_nodes, self.neighbor_sampler.graph.num_nodes)
        self._input_id = self.input_nodes if is_mask(input_nodes) else None
        self._warm = False
        identity, number = self._seeds_identity(), len(self.input_nodes)
        if batch_sampler is None:
            order: EpochSampler = InOrder(
                number, batch_size, shuffle, self.seed, drop_last=drop_last, identity=identity
            )
        else:
            order = AnyBatches(batch_sampler, number, "input_nodes", identity)
        self._set_order(order)

    @property
    def batch_sampler(self) -> Any:
        """The batch sampler, or None if none was given; it can be replaced."""
        return self._order.source if isinstance(self._order, AnyBatches) else None

    @batch_sampler.setter
    def batch_sampler(self, source: Iterable[Sequence[int]]) -> None:
        order, before = AnyBatches(source, len(self.input_nodes), "input_nodes", self._seeds_identity()), self._order
        order.follow(before)
        self._set_order(order)

    def __repr__(self) -> str:
        where = f"device={self.placement.device}, storage={self.placement.storage}"
        batches = f"batch_size={self.batch_size}" if self.batch_sampler is None else repr(self.batch_sampler)
        return (
            f"{type(self).__name__}({len(self.input_nodes)} input nodes, {batches}, {self.neighbor_sampler}, {where})"
        )

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the next epoch, or over the rest of a restored one."""
        if self.batch_sampler is None and not self._warm:
            self._warm = True
            first = self.input_nodes[: self.batch_size]
            self.neighbor_sampler.warm_up(first if self.input_type is None else (self.input_type, first))
        yield from super().__iter__()

    def _make(self, chosen: Any, epoch: int) -> Any:
        return self.load(torch.from_numpy(chosen), epoch)

    def load(self, positions: Tensor, epoch: int | None = None) -> Any:
        """Return the batch of given seeds.

        Args:
            positions: Positions in ``input_nodes``. Shape ``[batch_size]``, int64.
            epoch: Number of the epoch, which determines the draws; by default the current one.
        """
        seeds = self.input_nodes.index_select(0, positions)
        typed = seeds if self.input_type is None else (self.input_type, seeds)
        # The epoch is part of the batch's id, because two loops can be in different epochs.
        fixed_by = torch.cat([torch.tensor([self.epoch if epoch is None else epoch]), positions])
        sampled = self.neighbor_sampler.sample(typed, input_id=fixed_by)
        batch = self._attributes.batch(sampled)
        if self._adds_degree:
            self._add_degree(batch, sampled)
        store = batch if self.input_type is None else batch[self.input_type]
        given = positions if self._input_id is None else self._input_id.index_select(0, positions)
        store.input_id = to_device(given, self.placement.device)
        store.batch_size = len(seeds)
        return batch if self.transform is None else transformed(self.transform, batch, seeds, self.input_type)

    def _seeds_identity(self) -> dict[str, int]:
        return {"seed": self.seed, "num_input_nodes": len(self.input_nodes)}

    def _add_degree(self, batch: Any, sampled: Any) -> None:
        for edge_type, topology in self.neighbor_sampler.graph.topologies.items():
            # Use the sampler's ids: unlike those of the batch, they are on the device of the degrees.
            node = sampled.node if edge_type == EDGE else sampled.node[edge_type[2]]
            degree = topology.degree.index_select(0, node)
            (batch if edge_type == EDGE else batch[edge_type]).degree = to_device(degree, self.placement.device)
