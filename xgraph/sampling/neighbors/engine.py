"""Parts of a neighbour sampler: the engine for a graph's storage, and seeds by node type."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from xgraph.sampling.engines.node_ids import node_ids
from xgraph.sampling.engines.sampled import Engine
from xgraph.sampling.engines.topology import NODE, Graph
from xgraph.sampling.memory.storage import Placement


def engine_of(graph: Graph, placement: Placement) -> Engine:
    """Return the sampling engine for a graph in its storage; imports a compiler, which takes a second."""
    placement.require("the graph", sum(placement.cost(t.row) and t.nbytes for t in graph.topologies.values()))
    if placement.sampling_device.type == "cpu":
        from xgraph.sampling.engines.numba_engine import NumbaEngine

        return NumbaEngine(graph.map(placement.put, keep_pairs=True))
    from xgraph.sampling.engines.torch_engine import TorchEngine

    graph = graph.map(placement.put)
    try:
        from xgraph.sampling.engines import triton_kernels
    except ImportError:
        return TorchEngine(graph, device=placement.device)
    return TorchEngine(graph, device=placement.device, pick=triton_kernels.pick, claim=triton_kernels.claim)


def typed_seeds(graph: Graph, seeds: Any) -> dict[str, Tensor]:
    """Return checked ids by node type."""
    if not graph.is_hetero:
        if isinstance(seeds, Mapping) or (isinstance(seeds, tuple) and seeds and isinstance(seeds[0], str)):
            raise ValueError("seeds must be node ids without a type, because the graph has no node types")
        return {NODE: node_ids("seeds", seeds, graph.num_nodes[NODE])}
    if isinstance(seeds, tuple) and len(seeds) == 2 and isinstance(seeds[0], str):
        seeds = {seeds[0]: seeds[1]}
    if not isinstance(seeds, Mapping):
        raise ValueError("seeds must be (node_type, ids) or a dictionary, because the graph has node types")
    for name in seeds:
        if name not in graph.num_nodes:
            raise ValueError(f"seeds must have one of the node types {list(graph.num_nodes)}, got {name!r}")
    return {name: node_ids("seeds", ids, graph.num_nodes[name]) for name, ids in seeds.items()}
