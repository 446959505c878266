"""Descriptors and fingerprints of molecules: numbers that stand beside the graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rdkit import rdBase
from rdkit.rdBase import BlockLogs
from torch import Tensor

from xgraph.data.molecules.descriptor_kinds import KINDS
from xgraph.data.molecules.interrupts import interrupts_held
from xgraph.data.molecules.molecule import parse
from xgraph.data.molecules.standardize import standardize_smiles
from xgraph.data.storage.parallel import map_chunks
from xgraph.data.storage.root import Progress
from xgraph.data.storage.root import root as root_folder
from xgraph.data.storage.store import Payload, cached, content_key

KEPT_FROM = 100  # molecules; those of fewer are made again
CHUNK = 64  # molecules between two reports of progress: a second of descriptors


def describe(
    smiles: Sequence[str],
    kinds: Sequence[str],
    *,
    standardize: bool = False,
    root: str | Path | None = None,
    keep: bool = True,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Tensor:
    """Numbers that describe each molecule as a whole, the kinds side by side.

    - ``rdkit``: all of RDKit's two-dimensional descriptors x, such as the weight and logP, as
      ``sign(x)·log(1 + |x|)``, for their sizes differ by many orders; 0 where x fails or is no finite number, and
      for molecules of more than 500 atoms, where some would take long. Two have a sounder algorithm than RDKit's:
      `path_information`.
    - ``morgan``: how often each circular neighbourhood of radius 2 occurs, hashed to 2,048 numbers. Rogers and Hahn,
      "Extended-Connectivity Fingerprints", J. Chem. Inf. Model. 2010.
    - ``maccs``: 167 bits, for the structural keys that MACCS lists (the first stands for none).
    - ``torsion``: how often each chain of four bonded atoms occurs, hashed to 2,048 numbers. Nilakantan et al.,
      "Topological torsion", J. Chem. Inf. Comput. Sci. 1987.

    Counts end at 255. Descriptors take about 10 ms for a molecule of 20 atoms, the others under 1 ms; what was
    computed is kept in the data root, each kind for itself.

    Args:
        smiles: The n molecules; all must be readable.
        kinds: Which kinds, different ones.
        standardize: Whether to take each molecule's largest fragment, neutralised.
        root: Data root in which they are kept; by default that of the environment.
        keep: Whether they are kept at all.
        workers: Processes; by default one per core where the number of molecules makes it pay.
        progress: Called as `progress(done, total, what)`.

    Returns:
        float32 ``[n, F]``, where F is the length of `descriptor_names(kinds)`; all finite.

    Raises:
        TypeError: If `smiles` or `kinds` is one string.
        ValueError: If there is no such kind, one is given twice, or a molecule cannot be read.

    Example:
        >>> describe(["CCO", "c1ccccc1O"], ["rdkit", "maccs"]).shape == (2, len(descriptor_names(["rdkit", "maccs"])))
        True
        >>> weight = descriptor_names(["rdkit"]).index("MolWt")
        >>> describe(["CCO"], ["rdkit"])[0, weight].expm1()
        tensor(46.0690)
    """
    if isinstance(smiles, str):
        raise TypeError("smiles must be a sequence of strings, got one string")
    listed = check_kinds(kinds)
    widths = [len(KINDS[kind].names()) for kind in listed]
    folder = root_folder(root) if keep and len(smiles) >= KEPT_FROM else None
    features = torch.empty(len(smiles), sum(widths))
    for kind, columns in zip(listed, torch.split(features, widths, dim=1), strict=True):
        columns.copy_(_described(smiles, kind, standardize, folder, workers, progress))
    return features


def descriptor_names(kinds: Sequence[str]) -> list[str]:
    """What `describe` computes of these kinds, in its order; with another RDKit the descriptors may be others.

    Args:
        kinds: Which kinds, different ones.

    Raises:
        TypeError: If it is one string.
        ValueError: If there is no such kind, or one is given twice.

    Example:
        >>> descriptor_names(["maccs", "rdkit"])[166:168]
        ['maccs_166', 'MaxAbsEStateIndex']
    """
    return [name for kind in check_kinds(kinds) for name in KINDS[kind].names()]


def check_kinds(kinds: Sequence[str]) -> list[str]:
    """The kinds as a list."""
    if isinstance(kinds, str):
        raise TypeError(f"features must be a list of kinds ({', '.join(KINDS)}), got the string {kinds!r}")
    listed = list(kinds)
    for kind in listed:
        if kind not in KINDS:
            raise ValueError(f"features must be among {', '.join(KINDS)}, got {kind!r}")
        if listed.count(kind) > 1:
            raise ValueError(f"features must be different, got {kind!r} {listed.count(kind)} times")
    return listed


def arrange(kinds: Sequence[str], parts: Iterable[tuple[Sequence[str], Tensor]]) -> Tensor:
    """The features of these kinds side by side; nothing is copied if one part has all of them."""
    requested = list(kinds)
    columns: dict[str, Tensor] = {}
    for part_kinds, features in parts:
        if list(part_kinds) == requested:
            return features
        widths = [len(KINDS[kind].names()) for kind in part_kinds]
        columns |= zip(part_kinds, torch.split(features, widths, dim=1), strict=True)
    return torch.cat([columns[kind] for kind in requested], dim=1)


def _described(
    smiles: Sequence[str],
    kind: str,
    standardize: bool,
    folder: Path | None,
    workers: int | None,
    progress: Progress | None,
) -> Tensor:
    """Features of one kind, [n, F]: read, or computed."""

    def build() -> Payload:
        parts = map_chunks(
            partial(_chunk, kind=kind, standardize=standardize),
            smiles,
            what=f"describing: {kind}",
            worth=KINDS[kind].worth,
            workers=workers,
            progress=progress,
            chunk=CHUNK,
        )
        return {"features": torch.from_numpy(np.concatenate(parts))} if parts else {"features": torch.empty(0, 0)}

    names = KINDS[kind].names()
    key = content_key(smiles, KINDS[kind].version, names, standardize, rdBase.rdkitVersion)
    features = cached(folder, f"features-{kind}", key, build, ["features"])["features"]
    return torch.as_tensor(features).reshape(len(smiles), len(names))


def _chunk(smiles: list[str], *, kind: str, standardize: bool) -> NDArray[np.generic]:
    features = np.empty((len(smiles), len(KINDS[kind].names())), KINDS[kind].dtype)
    for row, text in zip(features, smiles, strict=True):
        molecule = _molecule(text, standardize)
        with BlockLogs(), interrupts_held():
            row[:] = KINDS[kind].values(molecule)
    return features


def _molecule(smiles: str, standardize: bool) -> Any:
    try:
        return parse(standardize_smiles(smiles) if standardize else smiles)
    except ValueError as error:
        raise ValueError(f"smiles {smiles[:80]!r}: {error}") from None
