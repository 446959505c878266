"""Reading of a graph of a million nodes and 20 million edges from two CSV files, on one core."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.own_data import figures

NODES, EDGES, FEATURES = 1_000_000, 20_000_000, 16
ONE_CORE = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import pyarrow, torch, torch_geometric
from pathlib import Path
pyarrow.set_cpu_count(1)
pyarrow.set_io_thread_count(1)
torch.set_num_threads(1)
from xgraph.data import load
"""


def measure() -> list[dict[str, Any]]:
    """Return the time and memory of reading the graph with its labels and a split."""
    with tempfile.TemporaryDirectory() as name:
        program = f"from benchmarks._own_graphs import *; write_graph(Path({name!r}))"
        subprocess.run([sys.executable, "-c", program], check=True)  # its peak of memory would count as that of readers
        what = f"a graph of {NODES:,} nodes with {FEATURES} features and {EDGES:,} edges"
        return [{"what": what, "file": "CSV", "way": "load", **figures(f"load({name!r} + '/')", ONE_CORE)}]


def write_graph(folder: Path) -> None:
    """Write nodes.csv and edges.csv with ids of text."""
    import pandas as pd
    import pyarrow as pa
    from pyarrow import csv

    random = np.random.default_rng(0)
    ids = np.char.add("U", np.arange(NODES).astype(str))
    columns = {f"f{i}": random.normal(size=NODES).astype(np.float32).round(4) for i in range(FEATURES)}
    nodes = pd.DataFrame({"id": ids, **columns, "label": random.integers(0, 10, NODES)})
    csv.write_csv(pa.Table.from_pandas(nodes, preserve_index=False), folder / "nodes.csv")
    ends = {end: ids[random.integers(0, NODES, EDGES)] for end in ("source", "target")}
    csv.write_csv(pa.table(ends), folder / "edges.csv")
