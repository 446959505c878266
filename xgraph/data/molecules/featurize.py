"""Featurisation of many SMILES to packed graphs, with compiled code if installed, processes and progress."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xgraph.data.molecules import cuik, molecule
from xgraph.data.molecules.packed import PackedGraphs
from xgraph.data.molecules.standardize import AtomOrder, check_atom_order, texts_to_read
from xgraph.data.storage.parallel import map_chunks
from xgraph.data.storage.root import Progress

WORTH_FAST, WORTH_PLAIN = 6_000, 2_000  # number of molecules that justifies another process


@dataclass(frozen=True)
class Featurized:
    """Packed graphs of the SMILES that were parsed, and the failures."""

    graphs: PackedGraphs
    kept: NDArray[np.int64]  # position of each graph's SMILES
    texts: list[str]  # the SMILES that each graph was made from
    failures: list[tuple[int, str]]  # position and reason


def featurize(
    smiles: Sequence[str],
    *,
    standardize: bool = False,
    atom_order: AtomOrder = "drawn",
    fast: bool | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Featurized:
    """Convert SMILES strings to graphs with OGB's features, as drawn identical to `ogb.utils.smiles2graph`."""
    check_atom_order(atom_order)
    if fast and not cuik.available():
        raise ValueError("fast=True needs cuik-molmaker built for the installed RDKit: install xgraph-pyg[fast]")
    if fast is None:
        # Importing it takes longer than processing a few hundred molecules with RDKit.
        fast = len(smiles) > 500 and cuik.available()
    chunk = partial(_chunk, standardize=standardize, atom_order=atom_order)
    parts = map_chunks(
        partial(chunk, fast=fast),
        smiles,
        what="featurising",
        worth=WORTH_FAST if fast and not standardize else WORTH_PLAIN,
        workers=workers,
        progress=progress,
        rescue=partial(chunk, fast=False),
    )
    failures: list[tuple[int, str]] = []
    start = 0
    for part in parts:
        failures += [(start + position, reason) for position, reason in part.failures]
        start += part.length
    kept = np.delete(np.arange(len(smiles)), [position for position, _ in failures])
    texts = [text for part in parts for text in part.texts]
    return Featurized(PackedGraphs.concatenate([part.graphs for part in parts]), kept, texts, failures)


class _Chunk(NamedTuple):
    graphs: PackedGraphs
    texts: list[str]
    failures: list[tuple[int, str]]
    length: int


def _chunk(smiles: list[str], *, fast: bool, standardize: bool, atom_order: AtomOrder) -> _Chunk:
    """Featurise the SMILES of one chunk."""
    pack = cuik.pack if fast else molecule.pack
    texts = texts_to_read(smiles, standardize, atom_order)
    place = [i for i, text in enumerate(texts) if isinstance(text, str)]
    graphs, failed = pack([text for text in texts if isinstance(text, str)])
    unreadable = [place[position] for position, _ in failed]
    if not standardize and any(texts[i] != smiles[i] for i in unreadable):
        # RDKit cannot read what it has written: these molecules keep the order in which they are drawn.
        drawn = [smiles[i] if i in set(unreadable) else text for i, text in enumerate(texts)]
        graphs, failed = pack([text for text in drawn if isinstance(text, str)])
        texts = drawn
    reasons = {i: str(text) for i, text in enumerate(texts) if not isinstance(text, str)}
    reasons |= {place[position]: reason for position, reason in failed}
    read = [text for i, text in enumerate(texts) if isinstance(text, str) and i not in reasons]
    return _Chunk(graphs, read, sorted(reasons.items()), len(smiles))
