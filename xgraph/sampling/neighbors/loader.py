"""Batches of sampled neighbourhoods for any PyG model."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch_geometric.data import Data, HeteroData

from xgraph.checks import integer
from xgraph.sampling.engines.seeds import seeds_of
from xgraph.sampling.engines.topology import EDGE, Graph
from xgraph.sampling.items.epochs import EpochSampler
from xgraph.sampling.memory.features import to_device
from xgraph.sampling.memory.storage import Placement
from xgraph.sampling.neighbors.attributes import Attributes, bytes_of
from xgraph.sampling.neighbors.orders import AnyBatches, InOrder
from xgraph.sampling.neighbors.pyg_arguments import refuse
from xgraph.sampling.neighbors.resumable import ResumableLoader
from xgraph.sampling.neighbors.sampler import NeighborSampler
from xgraph.storage import Storage

if TYPE_CHECKING:
    from torch_geometric.typing import InputNodes

    from xgraph.sampling.engines.sampled import Mode


class NeighborLoader(ResumableLoader):
    """Samples neighbourhoods of seed nodes, gathers their attributes, and hands out PyG graphs.

    Each batch is a ``Data`` or ``HeteroData`` like the graph itself: ``x``, ``y``, ``edge_attr`` and every other
    attribute with an entry per node or edge holds those of the sampled ones, in the order sampled, so that the first
    ``batch_size`` nodes are the seeds; all others are passed on. Added are, as in PyG,

    - ``n_id``, ``e_id``: nodes and edges (positions in ``edge_index``) in the whole graph,
    - ``batch_size``, and ``input_id``: positions of the seeds in `input_nodes`,
    - ``num_sampled_nodes``, ``num_sampled_edges``: by hop, for ``torch_geometric.utils.trim_to_layer``,
    - ``batch``, if `disjoint`: the seed that a node belongs to,

    and ``degree``, for feature momentum: the nodes' true in-degrees; of a heterogeneous graph, those of the edge type's
    target nodes, at each edge type. An attribute of that name in the graph is left as it is.

    The batches depend on the arguments, `seed` and the epoch only, not on `prefetch`, `storage` or `device`. Every
    ``for`` over the loader is a new epoch. Leaving a loop early ends its thread; two loops may go on at once.

    Args:
        data: The graph. Edges are copied. Attributes are read where they lie, if that is where `storage` wants them:
            what is written into such a tensor shows in later batches. Setting other tensors has no effect.
        num_neighbors: How many neighbours to sample for each node in each hop: a list, or one by edge type; -1: all.
        input_nodes: The seeds: ids or a mask; None: all nodes. In a heterogeneous graph a pair of node type and ids,
            mask or None, or the type alone.
        batch_size: Seeds in a batch.
        shuffle: Shuffle the seeds anew at each epoch.
        replace: Sample with replacement.
        disjoint: Sample a subgraph for each seed, sharing no nodes.
        mode: "uniform", or "labor" (see :class:`NeighborSampler`).
        seed: Seed of sampling and shuffling, not negative.
        device: Where batches go: "cpu" or "cuda".
        storage: Where graph and attributes lie: "device", "pinned", "host" or "mmap" (see
            :class:`~xgraph.sampling.memory.storage.Placement`).
        prefetch: Number of batches made ahead by a thread; 0: no thread.
        batch_sampler: Lists of positions in `input_nodes`, an iterable: e.g. a
            :class:`~xgraph.sampling.DualSampler` over the labels of `input_nodes`. Its ``set_epoch`` is called.
            Excludes `batch_size`, `shuffle` and `drop_last`.
        drop_last: Leave out the last batch of an epoch if it is smaller than the others.
        transform: Applied to each batch, by the thread.
        sparse: Leave the rows of sparse attributes sparse (CSR), for a model that multiplies them; by default batches
            hold dense rows, that any model takes.
        unsupported: Further arguments of PyG's loader, each refused with what there is instead.

    Raises:
        ValueError: If an argument is out of range, an attribute such as `y` has an entry neither for each node nor for
            each edge, a mask has the wrong size, `input_nodes` is empty, there is no such node type, the GPU is
            missing, or the graph is too large for it.
        IndexError: If `input_nodes` holds a node that is not in the graph.
        TypeError: If an argument has the wrong type, such as ids that are not integers, or is not supported.

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
        refuse(unsupported)
        if not isinstance(data, Data | HeteroData):
            raise TypeError(f"data must be PyG's Data or HeteroData, got {type(data).__name__}")
        self.placement = Placement.of(device, storage)
        super().__init__(prefetch, self.placement.device, transform)
        self.seed = integer("seed", seed, 0)
        graph = Graph.from_data(data)
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
        # In use at once: the batches that wait, the one the loop has, and the next.
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
        """Return a loader of other seeds, or of the same in other batches, that shares graph and attributes with this.

        The arguments are those of the class; the others stay.

        Args:
            input_nodes: The seeds.
            batch_size: Seeds in a batch.
            shuffle: Shuffle the seeds anew at each epoch.
            batch_sampler: Lists of positions in `input_nodes`.
            drop_last: Leave out the last batch of an epoch if it is smaller than the others.
            transform: Applied to each batch.

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
            raise ValueError("batch_sampler makes the batches, so batch_size, shuffle and drop_last must be left out")
        self._set_transform(transform)
        self.input_type, self.input_nodes = seeds_of(input_nodes, self.neighbor_sampler.graph.num_nodes)
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
        """What makes the batches, if that was given; another may be put in its place."""
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
        """Go through the next epoch, or the rest of the one that was restored."""
        if self.batch_sampler is None and not self._warm:
            self._warm = True
            first = self.input_nodes[: self.batch_size]
            self.neighbor_sampler.warm_up(first if self.input_type is None else (self.input_type, first))
        yield from super().__iter__()

    def _make(self, chosen: Any, epoch: int) -> Any:
        return self.load(torch.from_numpy(chosen), epoch)

    def load(self, positions: Tensor, epoch: int | None = None) -> Any:
        """Return the batch of some seeds.

        Args:
            positions: Which of `input_nodes`. Shape ``[batch_size]``, int64.
            epoch: Fixes the draws; by default the current one.
        """
        seeds = self.input_nodes.index_select(0, positions)
        typed = seeds if self.input_type is None else (self.input_type, seeds)
        # The epoch goes with the batch's own numbers, as two loops may be in different ones.
        fixed_by = torch.cat([torch.tensor([self.epoch if epoch is None else epoch]), positions])
        sampled = self.neighbor_sampler.sample(typed, input_id=fixed_by)
        batch = self._attributes.batch(sampled)
        if self._adds_degree:
            self._add_degree(batch, sampled)
        store = batch if self.input_type is None else batch[self.input_type]
        store.input_id = to_device(positions, self.placement.device)
        store.batch_size = len(seeds)
        return batch if self.transform is None else self.transform(batch)

    def _seeds_identity(self) -> dict[str, int]:
        return {"seed": self.seed, "num_input_nodes": len(self.input_nodes)}

    def _add_degree(self, batch: Any, sampled: Any) -> None:
        for edge_type, topology in self.neighbor_sampler.graph.topologies.items():
            # The ids lie where the degrees do, as those of the batch need not.
            node = sampled.node if edge_type == EDGE else sampled.node[edge_type[2]]
            degree = topology.degree.index_select(0, node)
            (batch if edge_type == EDGE else batch[edge_type]).degree = to_device(degree, self.placement.device)
