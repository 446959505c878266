"""Worker of ``benchmarks.sampling``: measures one library in its environment."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _serve import reset_peak, resident, serve


class Answers:
    """Answers questions for one library, with one graph in memory at a time."""

    def __init__(self, library: str) -> None:
        self.sides, self.key = SIDES[library], ""

    def __call__(self, **question: Any) -> dict[str, Any]:
        key = json.dumps([question["graph"], question["what"], question["fanouts"]])
        if key != self.key:
            self.key, self.batches = key, iter(())
            self.before = resident("VmRSS")
            self.batches = self.sides[question["what"]](**question)
        reset_peak()
        times, edges, nodes = [], 0, 0
        for _ in range(question["batches"]):
            began = time.perf_counter()
            batch_nodes, batch_edges = next(self.batches)
            times.append(time.perf_counter() - began)
            nodes, edges = nodes + batch_nodes, edges + batch_edges
        return {"seconds": times, "nodes": nodes, "edges": edges, "mib": resident("VmHWM") - self.before}


def first_use(library: str) -> None:
    """Load and compile everything a first sample needs, so that it does not count as memory of the graph."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "colptr.npy", np.arange(9, dtype=np.int64))
        np.save(Path(folder) / "row.npy", np.arange(8, dtype=np.int64))
        for what in SIDES[library].values():
            next(what(graph=folder, fanouts=[1, 1], batch_size=4))


def csc(graph: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Load the graph into memory (int64); pages of a mapped file would not be counted."""
    folder = Path(graph)
    return torch.from_numpy(np.load(folder / "colptr.npy")), torch.from_numpy(np.load(folder / "row.npy"))


def seeds_of(num_nodes: int, batch_size: int, seed: int = 0) -> Iterator[torch.Tensor]:
    """Yield the same batches of seeds for every library."""
    rng = np.random.default_rng(seed)
    while True:
        order = rng.permutation(num_nodes)
        for begin in range(0, num_nodes - batch_size + 1, batch_size):
            yield torch.from_numpy(order[begin : begin + batch_size])


def as_data(graph: str, channels: int) -> Any:
    from torch_geometric.data import Data

    colptr, row = csc(graph)
    n = len(colptr) - 1
    target = torch.repeat_interleave(torch.arange(n), colptr.diff())
    features = torch.empty(n, channels).uniform_(generator=torch.Generator().manual_seed(0))
    return Data(x=features, y=torch.zeros(n, dtype=torch.long), edge_index=torch.stack([row, target]))


def xgraph_sampler(graph: str, fanouts: list[int], batch_size: int, mode: str = "uniform", **_: Any) -> Any:
    from xgraph.sampling import NeighborSampler

    colptr, row = csc(graph)
    n = len(colptr) - 1
    target = torch.repeat_interleave(torch.arange(n), colptr.diff())
    sampler = NeighborSampler((torch.stack([row, target]), n), fanouts, mode=mode)
    del colptr, row, target
    for seeds in seeds_of(n, batch_size):
        out = sampler.sample(seeds)
        yield len(out.node), len(out.row)


def xgraph_labor(**question: Any) -> Any:
    yield from xgraph_sampler(**question, mode="labor")


def xgraph_loader(graph: str, fanouts: list[int], batch_size: int, prefetch: int = 0, **_: Any) -> Any:
    from xgraph.sampling import NeighborLoader

    data = as_data(graph, 100)
    epoch = 0
    while True:
        loader = NeighborLoader(data, fanouts, batch_size=batch_size, shuffle=True, seed=epoch, prefetch=prefetch)
        for batch in loader:
            yield batch.num_nodes, batch.num_edges
        epoch += 1


def xgraph_parts(graph: str, fanouts: list[int], batch_size: int, **_: Any) -> Any:
    """The sampler and the look-up of features alone, to measure the overhead of the loader."""
    from xgraph.sampling import NeighborSampler
    from xgraph.sampling.memory.features import FeatureStore

    data = as_data(graph, 100)
    sampler, features = NeighborSampler(data, fanouts), FeatureStore(data.x)
    for seeds in seeds_of(data.num_nodes, batch_size):
        out = sampler.sample(seeds)
        features.gather(out.node)
        yield len(out.node), len(out.row)


def torch_sparse_sampler(graph: str, fanouts: list[int], batch_size: int, **_: Any) -> Any:
    import torch_sparse  # noqa: F401  # registers the operator

    colptr, row = csc(graph)
    for seeds in seeds_of(len(colptr) - 1, batch_size):
        node, row_ids, _, _ = torch.ops.torch_sparse.neighbor_sample(colptr, row, seeds, fanouts, False, True)
        yield len(node), len(row_ids)


def pyg_loader(graph: str, fanouts: list[int], batch_size: int, **_: Any) -> Any:
    from torch_geometric.loader import NeighborLoader

    data = as_data(graph, 100)
    while True:
        for batch in NeighborLoader(data, fanouts, batch_size=batch_size, shuffle=True):
            yield batch.num_nodes, batch.num_edges


def pyg_lib_sampler(graph: str, fanouts: list[int], batch_size: int, **_: Any) -> Any:
    import pyg_lib

    colptr, row = csc(graph)
    for seeds in seeds_of(len(colptr) - 1, batch_size):
        out = pyg_lib.sampler.neighbor_sample(colptr, row, seeds, fanouts)
        yield len(out[2]), len(out[0])


SIDES: dict[str, dict[str, Callable[..., Any]]] = {
    "xgraph": {"sampler": xgraph_sampler, "labor": xgraph_labor, "loader": xgraph_loader, "parts": xgraph_parts},
    "torch-sparse": {"sampler": torch_sparse_sampler, "loader": pyg_loader},
    "pyg-lib": {"sampler": pyg_lib_sampler, "loader": pyg_loader},
}


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[2]))
    first_use(sys.argv[1])
    serve(Answers(sys.argv[1]))
