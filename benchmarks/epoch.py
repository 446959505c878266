"""Measures an epoch of training on molecules, compared with other libraries: ``python -m benchmarks.epoch``.

The data are the first molecules of ogbg-molhiv; the loss is cross-entropy, the optimiser Adam. xgraph runs the engine
of `xgraph train` with its checkpoints. The others are a bare loop over PyG's own loader and layers, LibAUC's
GraphTrainer, and chemprop with its default network. Each runs in a process of its own, an epoch at a time in turn.
Needs XGRAPH_MIRROR. Results: ``docs/results/speed.md``.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from benchmarks._peers import peer_python, workers
from benchmarks._report import parser, report

LIBRARIES = ["xgraph", "bare", "libauc", "chemprop"]
NETWORKS = dict.fromkeys(LIBRARIES, "GINE 5 × 64") | {"chemprop": "its default, D-MPNN 3 × 300"}
Row = dict[str, Any]


def first_molecules(count: int, file: Path) -> None:
    """Write the first molecules of ogbg-molhiv to a file: features, edges, labels, SMILES."""
    import torch

    from xgraph.data import load

    data = load("ogbg-molhiv")
    batch = data.batch(range(count))
    content = {name: batch[name] for name in ("x", "edge_index", "edge_attr", "y")}
    ends = [0, *accumulate(data.graphs.graph(i).num_nodes for i in range(count))]
    edges = [data.graphs.graph(i).num_edges for i in range(count)]
    atoms = [end - begin for begin, end in pairwise(ends)]
    content["edge_index"] = batch.edge_index - torch.tensor(ends[:-1]).repeat_interleave(torch.tensor(edges))
    torch.save({**content, "atoms": atoms, "edges": edges, "smiles": data.smiles[:count]}, file)


def measured(library: str, batch_size: int, epochs: list[dict[str, float]], molecules: int) -> Row:
    """Return one row: medians over the epochs, scaled to this number of molecules."""
    row: Row = {"library": library, "network": NETWORKS[library], "batch": batch_size}
    for name, key in (("wall", "wall_s"), ("cpu", "cpu_s"), ("own", "metrics_csv_s")):
        if name in epochs[0]:
            row[key] = statistics.median(one[name] * molecules / one["molecules"] for one in epochs)
    return row


def with_ratios(rows: list[Row]) -> list[Row]:
    """Add to each row its time as a multiple of the bare loop's at the same batch size."""
    for row in rows:
        for key in ("wall_s", "cpu_s"):
            others = [one[key] for one in rows if one["library"] == "bare" and one["batch"] == row["batch"]]
            if others:
                row[f"{key.removesuffix('_s')} × bare"] = row[key] / others[0]
    return rows


def compare(
    libraries: list[str], batch_size: int, epochs: int, threads: int, file: Path
) -> dict[str, list[dict[str, float]]]:
    """Time epochs of each library in turn, after a first one that does not count."""
    python = {name: sys.executable if name in ("xgraph", "bare") else peer_python(name) for name in libraries}
    times: dict[str, list[dict[str, float]]] = {name: [] for name in libraries}
    with workers("epoch", python, file, batch_size, threads, named=True) as ask:
        for epoch in range(epochs + 1):
            for library, worker in ask.items():
                one = worker.ask()
                if epoch:
                    times[library].append(one)
                print(f"batch {batch_size}, epoch {epoch}, {library}: {one}", file=sys.stderr, flush=True)
    return times


def main() -> None:
    """Measure, write ``benchmarks/results/epoch.json``, print a table."""
    arguments = parser(__doc__)
    arguments.add_argument("--library", nargs="+", choices=LIBRARIES, default=LIBRARIES, help="default: all")
    arguments.add_argument("--batch", nargs="+", type=int, default=[64, 256], help="batch sizes")
    arguments.add_argument(
        "--epochs", type=int, default=5, help="epochs of each library, after one that does not count"
    )
    arguments.add_argument("--molecules", type=int, default=8_000)
    arguments.add_argument("--threads", type=int, default=2, help="torch threads")
    options = arguments.parse_args()
    load_before = os.getloadavg()[1]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "molecules.pt"
        first_molecules(options.molecules, file)
        for batch in options.batch:
            times = compare(options.library, batch, options.epochs, options.threads, file)
            rows += [measured(library, batch, epochs, options.molecules) for library, epochs in times.items()]
    protocol = (
        f"the first {options.molecules:,} molecules of ogbg-molhiv, cross-entropy, Adam at 1e-3, dropout .2, "
        f"max pooling; {options.threads} thread(s), median of {options.epochs} epochs in turn after one that does not "
        "count; wall and cpu (of all threads) are of the whole epoch, metrics_csv is what the run says; LibAUC 2.0.1, "
        "chemprop 2.3.1"
    )
    report("epoch", with_ratios(rows), protocol=protocol, load_average_before=round(load_before, 1))


if __name__ == "__main__":
    main()
