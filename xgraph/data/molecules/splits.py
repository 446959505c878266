"""Scaffold and random splits into train, valid and test, and a check for molecules in more than one part."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from rdkit import rdBase
from rdkit.Chem.Scaffolds.MurckoScaffold import MurckoScaffoldSmiles
from rdkit.rdBase import BlockLogs

from xgraph.data.molecules.molecule import parse
from xgraph.data.molecules.standardize import canonical_smiles
from xgraph.data.storage.checks import check_fractions
from xgraph.data.storage.parallel import map_chunks
from xgraph.data.storage.root import Progress
from xgraph.data.storage.root import root as root_folder
from xgraph.data.storage.store import Payload, cached, content_key

PARTS = ("train", "valid", "test")
WORTH = 1_000  # number of molecules that justifies another process
KEPT_FROM = 500  # molecules; smaller sets are not cached

_scaffold: Callable[..., str] = MurckoScaffoldSmiles

Split = dict[str, NDArray[np.int64]]


class SplitOverlapWarning(UserWarning):
    """The same molecule is in more than one part of a split."""


def scaffold_split(
    smiles: Sequence[str],
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
    *,
    root: str | Path | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Split:
    """Split molecules by Bemis-Murcko scaffold, with the procedure of the Open Graph Benchmark.

    Molecules with the same scaffold (compared as SMILES with chirality) stay together. The groups are assigned in order
    of size, largest first and later groups first among equals: to train while they fit, then to valid, then to test. A
    SMILES that RDKit rejects forms its own group.

    Args:
        smiles: SMILES of all rows, including rows that cannot be parsed.
        fractions: Fractions of train, valid and test, which sum to 1.
        root: Data root for the cache; by default ``XGRAPH_ROOT`` or ``~/.cache/xgraph``.
        workers: Number of processes; by default one per core if there are enough molecules.
        progress: Called with ``(done, total, description)``.

    Returns:
        Ascending positions in `smiles` for "train", "valid" and "test", int64.

    Raises:
        ValueError: If `fractions` is not three numbers between 0 and 1 that sum to 1.

    Example:
        >>> parts = scaffold_split(["c1ccccc1C", "c1ccccc1O", "CCO", "C1CC1"], (0.5, 0.25, 0.25))
        >>> {name: rows.tolist() for name, rows in parts.items()}
        {'train': [0, 1], 'valid': [3], 'test': [2]}
    """
    check_fractions(fractions)
    group = scaffold_groups(smiles, root=root, workers=workers, progress=progress)
    n = len(group)
    order = np.argsort(group, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(group[order])) + 1) if n else []
    # OGB compares sizes with these floating-point products, without rounding.
    parts = fill_parts([rows.tolist() for rows in members], fractions[0] * n, (fractions[0] + fractions[1]) * n)
    return {name: np.sort(np.array(rows, dtype=np.int64)) for name, rows in parts.items()}


def fill_parts(groups: Iterable[list[int]], train_end: float, valid_end: float) -> dict[str, list[int]]:
    """Assign groups of rows to train, valid and test: largest first, and later groups first among equals."""
    parts: dict[str, list[int]] = {name: [] for name in PARTS}
    for rows in sorted(groups, key=lambda rows: (len(rows), rows[0]), reverse=True):
        if len(parts["train"]) + len(rows) <= train_end:
            parts["train"] += rows
        elif len(parts["train"]) + len(parts["valid"]) + len(rows) <= valid_end:
            parts["valid"] += rows
        else:
            parts["test"] += rows
    return parts


def scaffold_groups(
    smiles: Sequence[str],
    *,
    root: str | Path | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> NDArray[np.int64]:
    """Return the number of each molecule's Bemis-Murcko scaffold (with chirality)."""
    keep_in = root_folder(root) if len(smiles) >= KEPT_FROM else None
    key = content_key(smiles, "scaffold", rdBase.rdkitVersion)

    def build() -> Payload:
        return {"group": torch.from_numpy(_scaffold_groups(smiles, workers, progress))}

    return np.asarray(cached(keep_in, "scaffold", key, build, ["group"])["group"])


def random_split(n: int, fractions: tuple[float, float, float] = (0.8, 0.1, 0.1), seed: int = 0) -> Split:
    """Split rows at random.

    Args:
        n: Number of rows.
        fractions: Fractions of train, valid and test, which sum to 1.
        seed: Random seed; the same seed gives the same split.

    Returns:
        Ascending positions for "train", "valid" and "test", int64.

    Raises:
        ValueError: If `fractions` is not three numbers between 0 and 1 that sum to 1.

    Example:
        >>> {name: len(rows) for name, rows in random_split(10).items()}
        {'train': 8, 'valid': 1, 'test': 1}
    """
    check_fractions(fractions)
    order = np.random.default_rng(seed).permutation(n)
    ends = [round(fractions[0] * n), round((fractions[0] + fractions[1]) * n)]
    return {name: np.sort(rows) for name, rows in zip(PARTS, np.split(order, ends), strict=True)}


def split_positions(
    splits: Mapping[str, ArrayLike], row: NDArray[np.int64], dropped: Sequence[int], name: str
) -> dict[str, NDArray[np.int64]]:
    """Convert source rows to positions in a data set from which some rows were dropped."""
    size = int(max([*dropped, row.max(initial=-1)], default=-1)) + 1
    position = np.full(size, -2, dtype=np.int64)  # no such row
    position[list(dropped)] = -1
    position[row] = np.arange(len(row))
    taken = np.full(size, "", dtype=object)
    parts = {}
    for part, listed in splits.items():
        rows = np.asarray(listed, dtype=np.int64).reshape(-1)
        unknown = rows[(rows < 0) | (rows >= size)]
        unknown = unknown if len(unknown) else rows[position[rows] == -2]
        if len(unknown):
            raise ValueError(f"{name}: split {part!r} refers to row {unknown[0]}, which is not in the table")
        twice = rows[taken[rows] != ""]
        if len(twice):
            raise ValueError(f"{name}: row {twice[0]} is in both splits {taken[twice[0]]!r} and {part!r}")
        taken[rows] = part
        parts[part] = position[rows][position[rows] >= 0]
    return parts


def check_overlap(
    smiles: Sequence[str],
    splits: Mapping[str, NDArray[np.int64]],
    keys: NDArray[np.int64] | None = None,
    *,
    stacklevel: int = 2,
) -> int:
    """Warn if the same molecule, as its graph shows it, is in more than one part of a split.

    Args:
        smiles: Valid SMILES of the molecules.
        splits: Positions of each part, without duplicates.
        keys: Hashes of the molecular graphs, if known. Only molecules with equal hashes are then compared, which is
            fast if there is no overlap.
        stacklevel: As for :func:`warnings.warn`.

    Returns:
        The number of distinct molecules in two or more parts.

    Warns:
        SplitOverlapWarning: If there are such molecules.

    Example:
        >>> check_overlap(["CCO", "CCN"], {"train": np.array([0]), "test": np.array([1])})
        0
    """
    part = np.full(len(smiles), -1, dtype=np.int64)
    for number, rows in enumerate(splits.values()):
        part[rows] = number
    suspects = np.flatnonzero(part >= 0)
    if keys is not None:
        _, key = np.unique(keys[suspects], return_inverse=True)
        groups = key.max(initial=-1) + 1
        first, last = np.full(groups, len(splits)), np.full(groups, -1)
        np.minimum.at(first, key, part[suspects])
        np.maximum.at(last, key, part[suspects])
        suspects = suspects[(first != last)[key]]
    places: dict[str, set[int]] = {}
    for row in suspects.tolist():
        places.setdefault(canonical_smiles(smiles[row]), set()).add(int(part[row]))
    double = [text for text, numbers in places.items() if len(numbers) > 1]
    if double:
        warnings.warn(
            f"{len(double)} molecules are in more than one of {', '.join(splits)} "
            f"(such as {double[0][:80]}): their scores will be too optimistic",
            SplitOverlapWarning,
            stacklevel=stacklevel,
        )
    return len(double)


def _scaffold_groups(smiles: Sequence[str], workers: int | None, progress: Progress | None) -> NDArray[np.int64]:
    """Number the scaffold of each row in order of first appearance."""
    parts = map_chunks(_scaffolds, smiles, what="scaffolds", worth=WORTH, workers=workers, progress=progress)
    number: dict[str | int, int] = {}
    names = (name for part in parts for name in part)
    return np.array(
        [number.setdefault(i if name is None else name, len(number)) for i, name in enumerate(names)], dtype=np.int64
    )


def _scaffolds(smiles: list[str]) -> list[str | None]:
    """Return the scaffold of each SMILES; None if RDKit rejects it."""
    done: list[str | None] = []
    with BlockLogs():
        for text in smiles:
            try:
                done.append(_scaffold(mol=parse(text), includeChirality=True))
            except Exception:  # ValueError if it cannot be parsed; RDKit's own types from deeper levels
                done.append(None)
    return done
