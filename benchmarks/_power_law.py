"""Generated graphs, stored as arrays that every process maps."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from xgraph.data.storage.root import root


def power_law(name: str, num_nodes: int, num_edges: int, seed: int = 0) -> Path:
    """Return a folder with ``colptr.npy`` and ``row.npy`` (int64) of a directed graph with power-law degrees.

    Both ends of an edge are drawn with probability proportional to the weight ``(rank / num_nodes) ** -0.4``. Ranks are
    shuffled. In- and out-degrees have a tail of exponent 3.5, and the order of the nodes does not help a cache.
    """
    folder = root() / "graphs" / f"{name}-{num_nodes}-{num_edges}-{seed}"
    if (folder / "row.npy").exists():
        return folder
    print(f"generating {name}: {num_nodes:,} nodes, {num_edges:,} edges", file=sys.stderr)
    rng = np.random.default_rng(seed)
    names = rng.permutation(num_nodes).astype(np.int32)

    def ends() -> np.ndarray:
        parts = []
        for begin in range(0, num_edges, 1 << 24):
            share = rng.random(min(1 << 24, num_edges - begin))
            parts.append(names[(num_nodes * share ** (1 / 0.6)).astype(np.int64)])
        return np.concatenate(parts)

    source, target = ends(), ends()
    order = np.argsort(target, kind="stable")
    folder.mkdir(parents=True, exist_ok=True)
    colptr = np.concatenate([[0], np.bincount(target, minlength=num_nodes).cumsum()])
    np.save(folder / "colptr.npy", colptr.astype(np.int64))
    np.save(folder / "row.tmp.npy", source[order].astype(np.int64))
    (folder / "row.tmp.npy").replace(folder / "row.npy")  # last: an interrupted run leaves no partial graph
    return folder
