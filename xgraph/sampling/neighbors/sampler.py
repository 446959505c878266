"""Neighbour sampling for PyG's loaders and those of this package."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor
from torch_geometric.sampler import (
    BaseSampler,
    EdgeSamplerInput,
    HeteroSamplerOutput,
    NegativeSampling,
    NodeSamplerInput,
    SamplerOutput,
)
from torch_geometric.sampler.neighbor_sampler import edge_sample

from xgraph.checks import integer
from xgraph.sampling.engines.hashing import derive, digest
from xgraph.sampling.engines.node_ids import fanouts_by_type, integers
from xgraph.sampling.engines.sampled import Mode
from xgraph.sampling.engines.topology import NODE, Graph
from xgraph.sampling.items.epochs import LARGEST_EPOCH
from xgraph.sampling.memory.storage import Placement
from xgraph.sampling.neighbors.engine import engine_of, typed_seeds
from xgraph.storage import Storage

if TYPE_CHECKING:
    from torch_geometric.data import Data, HeteroData

Output: TypeAlias = SamplerOutput | HeteroSamplerOutput


class NeighborSampler(BaseSampler):  # type: ignore[misc]
    r"""Samples multi-hop neighbourhoods of seed nodes, without any compiled extension of PyG.

    In each hop, every new node draws some of its incoming edges uniformly at random. Use the sampler with PyG's own
    ``NodeLoader(data, node_sampler=…)`` and ``LinkLoader(data, link_sampler=…)``, or through :class:`NeighborLoader`.
    Subgraphs have PyG's format: nodes in order of first occurrence, seeds first, and edges sorted by hop, so
    ``trim_to_layer`` works.

    **Reproducible batches.** Draws depend on ``seed``, the epoch, and the batch's ``input_id`` (or its seeds, if there
    is none), not on earlier draws. So batches are the same for any number of worker processes and threads, on the CPU
    and on a GPU. PyG's loaders do not inform samplers about epochs: call :meth:`set_epoch` before each epoch, otherwise
    every epoch repeats the neighbours and negative links of the first. Running worker processes see the change::

        sampler = NeighborSampler(data, [10, 5])
        loader = NodeLoader(data, node_sampler=sampler, batch_size=1024, shuffle=True, num_workers=2)
        for epoch in range(10):
            sampler.set_epoch(epoch)
            for batch in loader:
                ...

    **Without replacement**, a node with d incoming edges draws :math:`\min(d, k)` of them with Floyd's algorithm, in k
    draws; all subsets are equally likely. Parallel edges count as different edges. With replacement, it draws k edges,
    or none if d = 0.

    **LABOR** (``mode="labor"``; layer-neighbour sampling, `Balın and Çatalyürek, NeurIPS 2023
    <https://arxiv.org/abs/2210.13339>`__) draws one random number :math:`r_t` per node t and hop, shared by all target
    nodes. Each target keeps the k neighbours with the smallest :math:`r_t` (the paper's sequential Poisson sampling).
    For a single target, this equals uniform sampling without replacement. But targets with common neighbours keep the
    same ones, so a batch has fewer distinct nodes. The time per node grows with its degree.

    **Seeds** keep their order, and repeated seeds are repeated nodes, as in PyG: ``node[:len(seeds)]`` are the seeds.
    Each draws its own edges; outgoing edges start at the node's first occurrence. Seeds can be given as a mask.

    Args:
        data: PyG's ``Data`` or ``HeteroData``, or a pair ``(edge_index, num_nodes)``.
        num_neighbors: Edges per node in each hop: −1 for all, 0 for none. One list for all edge types, or a dictionary
            with one list per edge type.
        replace: Whether to draw with replacement.
        disjoint: Whether every seed gets its own subgraph; the output's ``batch`` then holds each node's seed.
        mode: "uniform" or "labor".
        seed: Seed of the draws, not negative.
        device: Device that samples: "cpu" or "cuda".
        storage: Where to keep the graph: "device", "pinned" (page-locked host memory, read by the GPU), "host" or
            "mmap" (both sampled on the CPU).

    Attributes:
        graph: The topology of the graph.

    Raises:
        TypeError: If an argument has the wrong type, or ids are not integers.
        ValueError: If there is no ``edge_index`` (use one of shape ``[2, 0]`` for a graph without edges), fan-outs
            differ in length, there is no GPU, or the graph is too large for it.
        IndexError: If an edge refers to a node that does not exist.

    Example:
        >>> edge_index = torch.tensor([[1, 2, 3, 0], [0, 0, 0, 1]])
        >>> sampler = NeighborSampler((edge_index, 4), [2, 3])
        >>> out = sampler.sample(torch.tensor([1]))
        >>> out.node[:2].tolist(), out.num_sampled_nodes, out.num_sampled_edges
        ([1, 0], [1, 1, 2], [1, 3])
    """

    def __init__(
        self,
        data: "Data | HeteroData | tuple[Tensor, int] | Graph",
        num_neighbors: Any,
        *,
        replace: bool = False,
        disjoint: bool = False,
        mode: Mode = "uniform",
        seed: int = 0,
        device: str | torch.device = "cpu",
        storage: Storage = "device",
    ) -> None:
        placement = Placement.of(device, storage)
        if mode not in ("uniform", "labor"):
            raise ValueError(f'mode must be "uniform" or "labor", got {mode!r}')
        if mode == "labor" and replace:
            raise ValueError('replace must be False with mode="labor", which always draws without replacement')
        self.graph = Graph.from_data(data)
        self.num_neighbors = fanouts_by_type(num_neighbors, list(self.graph.topologies))
        self.replace = bool(replace)
        self.disjoint = bool(disjoint)
        self.mode: Mode = mode
        self.seed = integer("seed", seed, 0)
        self.device = placement.sampling_device
        self._epoch = _shared(torch.zeros(1, dtype=torch.int64))
        self._engine = engine_of(self.graph, placement)
        self.graph = self._engine.graph

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        _shared(self._epoch)

    def __repr__(self) -> str:
        fanouts = list(self.num_neighbors.values())
        return (
            f"{type(self).__name__}(num_neighbors={self.num_neighbors if self.graph.is_hetero else fanouts[0]}, "
            f"replace={self.replace}, disjoint={self.disjoint}, mode={self.mode!r}, seed={self.seed}, "
            f"device={str(self.device)!r})"
        )

    @property
    def epoch(self) -> int:
        """Number of the epoch that determines the draws."""
        return int(self._epoch[0])

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, which changes the drawn neighbours and negative links, also in running worker processes.

        Call it before every loop over one of PyG's loaders; otherwise the loop repeats the draws of the previous one.

        Args:
            epoch: Number of the epoch, from 0 to 2^63 − 1.
        """
        self._epoch[0] = integer("epoch", epoch, 0, LARGEST_EPOCH)

    @property
    def edge_permutation(self) -> None:
        """None, because edge ids are positions in the given ``edge_index``."""
        return None

    def sample(self, seeds: "Tensor | tuple[str, Tensor] | Mapping[str, Tensor]", input_id: Any = None) -> Output:
        """Sample the subgraph around seeds.

        Args:
            seeds: Node ids or a mask; for a graph with node types ``(node_type, ids)`` or a dictionary.
            input_id: Integers that identify the batch: a tensor, an array or a list of any shape; by default the
                seeds.

        Returns:
            PyG's sampler output, with int64 ids on the sampling device.

        Raises:
            TypeError: If ids are not integers.
            ValueError: If a mask has the wrong size, or a node type is missing or not in the graph.
            IndexError: If an id is not in the graph.
        """
        ids = typed_seeds(self.graph, seeds)
        parts = list(ids.values()) if input_id is None else [integers("input_id", input_id)]
        stream = self.seed, self.epoch, digest(*parts)
        sampled = self._engine.sample(
            ids, self.num_neighbors, stream, replace=self.replace, disjoint=self.disjoint, mode=self.mode
        )
        return sampled.to_output()

    def warm_up(self, seeds: "Tensor | tuple[str, Tensor] | Mapping[str, Tensor]") -> None:
        """Record the GPU work for this number of seeds as a CUDA graph if possible; does nothing on the CPU.

        Only the main thread can record. Call this first so that a thread that prepares batches can replay the graph.

        Args:
            seeds: Any seeds, as in :meth:`sample`.
        """
        if self.device.type == "cuda":
            for _ in range(2):
                self.sample(seeds)

    def sample_from_nodes(self, inputs: NodeSamplerInput) -> Output:
        """Sample the subgraph of a batch of PyG's ``NodeLoader``; call :meth:`set_epoch` before each of its epochs.

        Args:
            inputs: Seeds and their positions in the loader's input.

        Raises:
            ValueError: If the input has times; temporal sampling is not supported.
        """
        _check_time(inputs.time)
        out = self.sample(
            inputs.node if inputs.input_type is None else (inputs.input_type, inputs.node), inputs.input_id
        )
        out.metadata = (inputs.input_id, inputs.time)
        return out

    def sample_from_edges(self, inputs: EdgeSamplerInput, neg_sampling: NegativeSampling | None = None) -> Output:
        """Sample the subgraph around the ends of a batch of links of PyG's ``LinkLoader``.

        Negative links are drawn as in PyG, from torch's CPU generator, which is seeded for the batch and the epoch and
        then restored. So they repeat in every epoch unless :meth:`set_epoch` is called before it.

        Args:
            inputs: Links and their positions in the loader's input.
            neg_sampling: How to add negative links.

        Raises:
            ValueError: If the input has times; temporal sampling is not supported.
        """
        _check_time(inputs.time)
        input_id = torch.cat([inputs.row, inputs.col]) if inputs.input_id is None else inputs.input_id
        num_nodes = self.graph.num_nodes if self.graph.is_hetero else self.graph.num_nodes[NODE]
        key = derive(self.seed, self.epoch, digest(input_id))
        with torch.random.fork_rng(devices=[], enabled=neg_sampling is not None):
            if (
                neg_sampling is not None
            ):  # torch.manual_seed would also seed the GPUs, and fork_rng does not restore these
                torch.default_generator.manual_seed(key[0] << 32 | key[1])
            return edge_sample(
                inputs, lambda seeds, _: self.sample(seeds, input_id), num_nodes, self.disjoint, None, neg_sampling
            )


def _shared(tensor: Tensor) -> Tensor:
    """Move to shared memory, so that worker processes see changes."""
    return tensor.share_memory_()  # type: ignore[no-untyped-call, no-any-return]


def _check_time(time: Tensor | None) -> None:
    if time is not None:
        raise ValueError("input_time must be None: temporal sampling is not supported")
