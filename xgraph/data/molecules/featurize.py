"""Featurisation of many SMILES to packed graphs, with compiled code if installed, processes and progress."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from xgraph.data.molecules import cuik, molecule
from xgraph.data.molecules.packed import PackedGraphs
from xgraph.data.molecules.standardize import standardize_all
from xgraph.data.storage.parallel import map_chunks
from xgraph.data.storage.root import Progress

WORTH_FAST, WORTH_PLAIN = 6_000, 2_000  # number of molecules that justifies another process


@dataclass(frozen=True)
class Featurized:
    """Packed graphs of the SMILES that were parsed, and the failures."""

    graphs: PackedGraphs
    kept: NDArray[np.int64]  # position of each graph's SMILES
    failures: list[tuple[int, str]]  # position and reason


def featurize(
    smiles: Sequence[str],
    *,
    standardize: bool = False,
    fast: bool | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Featurized:
    """Convert SMILES strings to graphs with OGB's features, identical to `ogb.utils.smiles2graph`."""
    if fast and not cuik.available():
        raise ValueError("fast=True needs cuik-molmaker built for the installed RDKit: install xgraph-pyg[fast]")
    if fast is None:
        # Importing it takes longer than processing a few hundred molecules with RDKit.
        fast = len(smiles) > 500 and cuik.available()
    parts = map_chunks(
        partial(_chunk, fast=fast, standardize=standardize),
        smiles,
        what="featurising",
        worth=WORTH_FAST if fast and not standardize else WORTH_PLAIN,
        workers=workers,
        progress=progress,
        rescue=partial(_chunk, fast=False, standardize=standardize),
    )
    failures: list[tuple[int, str]] = []
    start = 0
    for _, failed, length in parts:
        failures += [(start + position, reason) for position, reason in failed]
        start += length
    kept = np.delete(np.arange(len(smiles)), [position for position, _ in failures])
    return Featurized(PackedGraphs.concatenate([graphs for graphs, _, _ in parts]), kept, failures)


def _chunk(smiles: list[str], *, fast: bool, standardize: bool) -> tuple[PackedGraphs, list[tuple[int, str]], int]:
    """Return the graphs, the failures and the number of SMILES of one chunk."""
    pack = cuik.pack if fast else molecule.pack
    if not standardize:
        return *pack(smiles), len(smiles)
    standard = standardize_all(smiles)
    place = [i for i, text in enumerate(standard) if isinstance(text, str)]
    graphs, failed = pack([text for text in standard if isinstance(text, str)])
    failures = [(place[position], reason) for position, reason in failed]
    failures += [(i, str(error)) for i, error in enumerate(standard) if not isinstance(error, str)]
    return graphs, sorted(failures), len(smiles)
