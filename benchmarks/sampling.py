"""Measures neighbour sampling, compared with torch-sparse and pyg-lib: ``python -m benchmarks.sampling``.

Measured are the sampler alone, and the loader, which also gathers features. Each library runs in a process and an
environment of its own; all sample the same seed nodes in the same order, in turn (A B A B). Times are medians. Memory
is the highest resident set above the one before the graph was loaded. torch-sparse is built from source, which takes
many minutes. pyg-lib is not on the package index: it is measured if you have created an environment
``XGRAPH_ROOT/peers/pyg-lib`` by hand. Results: ``docs/results/sampling.md``.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._peers import pythons, workers
from benchmarks._power_law import power_law
from benchmarks._report import parser, report
from xgraph.data.storage.root import root

FANOUTS = [[15, 10, 5], [10, 10, 10], [1, 1, 1]]
GENERATED = {"power-law": (500_000, 25_000_000), "products-sized": (2_400_000, 124_000_000)}
MIRRORED = ["tolokers", "coauthor-physics"]
Row = dict[str, Any]


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--graphs", nargs="+", choices=[*GENERATED, *MIRRORED], default=[*GENERATED, *MIRRORED])
    arguments.add_argument("--peers", nargs="*", choices=["torch-sparse", "pyg-lib"], default=["torch-sparse"])
    arguments.add_argument("--batch-size", type=int, default=1024)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--batches", type=int, default=8, help="batches of each library per round")
    arguments.add_argument("--threads", type=int, default=os.cpu_count())
    options = arguments.parse_args()
    python = pythons(*options.peers)
    rows = []
    for name in options.graphs:
        folder = power_law(name, *GENERATED[name]) if name in GENERATED else mirrored(name)
        for fanouts, what in product(FANOUTS, ("sampler", "labor", "loader", "parts")):
            rows += measure(name, folder, what, fanouts, python, options)
    report(
        "sampling",
        rows,
        protocol=f"batches of {options.batch_size} seeds, {options.threads} threads, medians over {options.rounds} "
        f"rounds of {options.batches} batches in turn after a first one that is not counted; sampler: subgraph of a "
        "batch of seeds; labor: the same by layer-neighbour sampling; loader: with 100 float32 features a node, "
        "shuffled, without prefetching; parts: our sampler and the look-up of the features, nothing else; MiB: "
        "highest resident set above what the process had after a first sample of a tiny graph",
    )


def measure(
    graph: str, folder: Path, what: str, fanouts: list[int], python: dict[str, str], options: argparse.Namespace
) -> list[Row]:
    """Return one row for each library that supports `what`."""
    sides = {name: python[name] for name in python if name == "xgraph" or what in ("sampler", "loader")}
    question = {"graph": str(folder), "what": what, "fanouts": fanouts, "batch_size": options.batch_size}
    answers: dict[str, list[Row]] = {name: [] for name in sides}
    with workers("sampling", sides, options.threads, named=True) as ask:
        for worker in ask.values():
            worker.ask(**question, batches=2)
        for _, (name, worker) in product(range(options.rounds), ask.items()):
            answers[name].append(worker.ask(**question, batches=options.batches))
    rows: list[Row] = []
    for name, rounds in answers.items():
        seconds = statistics.median(t for answer in rounds for t in answer["seconds"])
        batches = options.rounds * options.batches
        edges, nodes = (sum(answer[key] for answer in rounds) / batches for key in ("edges", "nodes"))
        row: Row = {"graph": graph, "fanouts": "-".join(map(str, fanouts)), "what": what, "library": name}
        row |= {"ms": 1000 * seconds, "million edges/s": edges / seconds / 1e6, "edges": edges, "nodes": nodes}
        row |= {"MiB": max(answer["mib"] for answer in rounds)}
        row["times faster"] = None if name == "xgraph" else row["ms"] / rows[0]["ms"]
        rows.append(row)
    print(*rows, sep="\n", file=sys.stderr, flush=True)
    return rows


def mirrored(name: str) -> Path:
    """Store a data set's graph as arrays, like the generated graphs."""
    import torch

    from xgraph.data import load

    folder = root() / "graphs" / name
    folder.mkdir(parents=True, exist_ok=True)
    data = load(name).data
    source, target = data.edge_index
    colptr = torch.cat([torch.zeros(1, dtype=torch.long), target.bincount(minlength=data.num_nodes).cumsum(0)])
    np.save(folder / "colptr.npy", colptr.numpy())
    np.save(folder / "row.npy", source[target.argsort(stable=True)].numpy())
    return folder


if __name__ == "__main__":
    main()
