"""Train, valid and test splits of the nodes of a graph: published, or stratified by class."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xgraph.data.published.given import PARTS, Given
from xgraph.data.storage.checks import check_fractions
from xgraph.data.storage.damaged import DAMAGED_ARCHIVE

Parts = dict[str, NDArray[np.int64]]
FRACTIONS = (0.6, 0.2, 0.2)


def stratified_split(y: NDArray[np.int64], fractions: tuple[float, float, float] = FRACTIONS, seed: int = 0) -> Parts:
    """Split the nodes of each class at random, so that every part gets its fraction of a rare class."""
    check_fractions(fractions)
    random = np.random.default_rng(seed)
    drawn: dict[str, list[NDArray[np.int64]]] = {part: [np.empty(0, dtype=np.int64)] for part in PARTS}
    for label in np.unique(y[y >= 0]):
        nodes = random.permutation(np.flatnonzero(y == label))
        ends = [round(fractions[0] * len(nodes)), round((fractions[0] + fractions[1]) * len(nodes))]
        for part, chosen in zip(PARTS, np.split(nodes, ends), strict=True):
            drawn[part].append(chosen)
    return {part: np.sort(np.concatenate(chosen)) for part, chosen in drawn.items()}


def read_node_split(given: Given, fold: int | None, num_nodes: int, file: Path) -> Parts:
    """Read the published train, valid and test nodes; unlike molecules, some nodes may be in none of them."""
    keys = [given.train, given.valid, given.test]
    try:
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as arrays:
            parts = [np.asarray(arrays[key]) for key in keys]
    except (*DAMAGED_ARCHIVE, OSError, KeyError, ValueError) as error:
        raise ValueError(f"cannot read the split {keys} of {file}: {error}") from error
    if given.format == "masks":
        want = (len(given.folds), num_nodes)
        for key, part in zip(keys, parts, strict=True):
            if part.shape != want or part.dtype != np.bool_:
                raise ValueError(f"{key} of {file} must be booleans of shape {want}, got {part.dtype} {part.shape}")
        parts = [np.flatnonzero(part[fold or 0]) for part in parts]
    every = np.concatenate(parts)
    if every.ndim != 1 or (len(every) and not 0 <= every.min() <= every.max() < num_nodes):
        raise ValueError(f"the split {keys} of {file} refers to nodes outside 0 to {num_nodes - 1}")
    if len(np.unique(every)) != len(every):
        raise ValueError(f"the split {keys} of {file} contains a node twice")
    return {name: part.astype(np.int64, copy=False) for name, part in zip(PARTS, parts, strict=True)}
