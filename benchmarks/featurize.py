"""Measures molecules per second on one core: ``python -m benchmarks.featurize``.

From SMILES to graphs and from graphs to batches, compared with RDKit, OGB and PyG. The input is the first 5,000 rows of
ogbg-molhiv if XGRAPH_MIRROR is set, otherwise the NCI set in RDKit's wheel. Every contender runs once per round, in
turn; medians over the rounds are compared. Results: ``docs/results/speed.md``.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from ogb.utils import smiles2graph
from rdkit import Chem, RDConfig
from rdkit.rdBase import BlockLogs
from torch_geometric.data import Batch
from torch_geometric.utils import from_smiles

from benchmarks._report import parser, report
from xgraph.data.molecules import cuik
from xgraph.data.molecules.dataset import MoleculeDataset
from xgraph.data.molecules.featurize import featurize
from xgraph.data.molecules.molecule import parses
from xgraph.data.molecules.table import read_smiles

Row = dict[str, Any]


def molecules() -> tuple[str, list[str]]:
    mirror = os.environ.get("XGRAPH_MIRROR")
    if mirror:
        return "ogbg-molhiv, first 5,000 rows", read_smiles(Path(mirror) / "ogbg_molhiv" / "HIV.csv.gz")[:5000]
    lines = (Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi").read_text().splitlines()
    return "NCI, first 5K", [line.split()[0] for line in lines if line.strip()]


def alternately(contenders: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Time each contender in each round, in seconds; a first round, to warm up, is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, run in contenders.items():
            gc.collect()
            start = time.perf_counter()
            run()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def featurizing(smiles: list[str], rounds: int) -> list[Row]:
    contenders: dict[str, Callable[[], object]] = {
        "RDKit MolFromSmiles (floor)": lambda: [Chem.MolFromSmiles(text) for text in smiles],
        "ogb smiles2graph": lambda: [smiles2graph(text) for text in smiles],
        "PyG from_smiles": lambda: [from_smiles(text) for text in smiles],
        "xgraph, RDKit": lambda: featurize(smiles, fast=False, workers=1),
    }
    if cuik.available():
        contenders["xgraph, cuik-molmaker"] = lambda: featurize(smiles, fast=True, workers=1)
    with BlockLogs():
        seconds = alternately(contenders, rounds)
    peer = median(seconds["ogb smiles2graph"])
    return [
        {
            "what": "featurise",
            "name": name,
            "molecules_per_s": round(len(smiles) / median(values)),
            "us_per_molecule": 1e6 * median(values) / len(smiles),
            "times_peer": peer / median(values),
        }
        for name, values in seconds.items()
    ]


def collating(smiles: list[str], rounds: int, size: int) -> list[Row]:
    data = MoleculeDataset.from_smiles(smiles)
    index = np.random.default_rng(0).permutation(len(data))
    batches = [index[i : i + size].tolist() for i in range(0, len(index), size)]
    ready = [data[i] for i in range(len(data))]
    seconds = alternately(
        {
            "PyG Batch.from_data_list": lambda: [Batch.from_data_list([ready[i] for i in part]) for part in batches],
            "xgraph MoleculeDataset.batch": lambda: [data.batch(part) for part in batches],
        },
        rounds,
    )
    peer = median(seconds["PyG Batch.from_data_list"])
    return [
        {
            "what": f"batches of {size}",
            "name": name,
            "molecules_per_s": round(len(data) / median(values)),
            "us_per_molecule": 1e6 * median(values) / len(data),
            "times_peer": peer / median(values),
        }
        for name, values in seconds.items()
    ]


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--rounds", type=int, default=7)
    rounds = arguments.parse_args().rounds
    torch.set_num_threads(1)
    source, smiles = molecules()
    # smiles2graph and from_smiles fail on SMILES that RDKit refuses, so these few are left out for all contenders.
    good = [text for text in smiles if parses(text)]
    rows = featurizing(good, rounds)
    for size in (64, 512):
        rows += collating(good, rounds, size)
    report("featurize", rows, source=source, molecules=len(good), left_out=len(smiles) - len(good), rounds=rounds)


if __name__ == "__main__":
    main()
