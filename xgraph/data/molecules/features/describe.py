"""Descriptors, fingerprints and encodings of molecules, as additional features."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from rdkit import rdBase
from rdkit.rdBase import BlockLogs
from torch import Tensor

from xgraph.data.molecules.features.kinds import KINDS
from xgraph.data.molecules.molecule import parse
from xgraph.data.molecules.standardize import standardize_smiles
from xgraph.data.storage.parallel import map_chunks
from xgraph.data.storage.root import Progress
from xgraph.data.storage.root import root as root_folder
from xgraph.data.storage.store import Payload, cached, content_key
from xgraph.messages import listed, shown

KEPT_FROM = 100  # molecules; smaller sets are not cached
CHUNK = 64  # molecules between two progress reports: about a second of descriptors

Refused = dict[str, list[int]]
"""Positions of the molecules that a kind of features cannot describe, by kind; only kinds that have any."""


class Describing(NamedTuple):
    """How features are computed; the arguments are those of `describe`."""

    standardize: bool = False
    root: str | Path | None = None
    keep: bool = True
    workers: int | None = None
    progress: Progress | None = None


class RefusedWarning(UserWarning):
    """Molecules have the features 0 because an encoder refuses them."""


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
    r"""Compute descriptors and fingerprints of molecules, as concatenated columns.

    - ``rdkit``: all two-dimensional RDKit descriptors x, such as molecular weight and logP, transformed to
      :math:`\mathrm{sign}(x) \log(1 + |x|)` because their magnitudes differ widely. Values are 0 if a descriptor fails
      or is not finite, and for molecules of more than 500 atoms, where some descriptors are slow. Ipc and AvgIpc use a
      numerically stable algorithm instead of RDKit's.
    - ``morgan``: counts of circular neighbourhoods of radius 2, hashed to 2,048 columns. Rogers and Hahn,
      "Extended-Connectivity Fingerprints", J. Chem. Inf. Model. 2010.
    - ``maccs``: 167 bits for the MACCS structural keys (the first is unused).
    - ``torsion``: counts of chains of four bonded atoms, hashed to 2,048 columns. Nilakantan et al., "Topological
      torsion", J. Chem. Inf. Comput. Sci. 1987.
    - ``minimol``: the 512 numbers of a pretrained graph network, which needs ``pip install 'xgraph-pyg[pretrained]'``.
      Kläser et al., "MiniMol: A Parameter-Efficient Foundation Model for Molecular Learning", 2024. They depend on the
      spelling of a SMILES, and on the other molecules, by 1e-5 at most. A molecule of more than 1,000 atoms, or that
      it refuses, has the features 0, with a warning.

    Counts are limited to 255. Descriptors and ``minimol`` take about 10 ms for a molecule of 20 atoms, the other kinds
    under 1 ms. The results are cached in the data root, separately for each kind.

    Args:
        smiles: SMILES of the n molecules, which must all be valid.
        kinds: Kinds of features, without duplicates.
        standardize: Whether to reduce each molecule to its largest fragment, neutralised.
        root: Data root for the cache; by default ``XGRAPH_ROOT`` or ``~/.cache/xgraph``.
        keep: Whether to cache the features.
        workers: Number of processes; by default one per core if there are enough molecules.
        progress: Called with ``(done, total, description)``.

    Returns:
        Finite features in float32, one column per name in ``descriptor_names(kinds)``. Shape ``[n, F]``.

    Raises:
        TypeError: If `smiles` or `kinds` is a single string.
        ValueError: If a kind is unknown or given twice, its package is not installed, or a SMILES is invalid.

    Warns:
        RefusedWarning: If an encoder refuses molecules. It is a `UserWarning`.

    Example:
        >>> describe(["CCO", "c1ccccc1O"], ["rdkit", "maccs"]).shape == (2, len(descriptor_names(["rdkit", "maccs"])))
        True
        >>> weight = descriptor_names(["rdkit"]).index("MolWt")
        >>> describe(["CCO"], ["rdkit"])[0, weight].expm1()
        tensor(46.0690)
    """
    if isinstance(smiles, str):
        raise TypeError("smiles must be a sequence of strings, got a single string")
    features, refused = described(smiles, kinds, Describing(standardize, root, keep, workers, progress))
    warn_of_refused(smiles, refused, stacklevel=3)
    return features


def described(smiles: Sequence[str], kinds: Sequence[str], how: Describing) -> tuple[Tensor, Refused]:
    """Return features as `describe` does, and the molecules that have zeros because they are refused."""
    given = check_kinds(kinds)
    widths = [len(KINDS[kind].names()) for kind in given]
    folder = root_folder(how.root) if how.keep and len(smiles) >= KEPT_FROM else None
    features = torch.empty(len(smiles), sum(widths))
    refused: Refused = {}
    for kind, columns in zip(given, torch.split(features, widths, dim=1), strict=True):
        columns.copy_(_described(smiles, kind, how, folder))
        if missing := columns.isnan().any(1).nonzero()[:, 0].tolist():
            columns[missing] = 0.0
            refused[kind] = missing
    return features, refused


def warn_of_refused(smiles: Sequence[str], refused: Refused, stacklevel: int) -> None:
    """Warn of the molecules that a kind of features cannot describe."""
    for kind, positions in refused.items():
        warnings.warn(
            f"{kind} cannot encode {len(positions):,} of {len(smiles):,} molecules, whose features are 0: "
            f"{listed((smiles[i] for i in positions), 3)}",
            RefusedWarning,
            stacklevel=stacklevel,
        )


def prepare(kinds: Sequence[str]) -> None:
    """Import what the kinds need, before other processes are started, each of which would do so itself."""
    for kind in check_kinds(kinds):
        KINDS[kind].load()


def descriptor_names(kinds: Sequence[str]) -> list[str]:
    """Return the names of the columns that `describe` computes; descriptors may differ between RDKit versions.

    Args:
        kinds: Kinds of features, without duplicates.

    Raises:
        TypeError: If `kinds` is a single string.
        ValueError: If a kind is unknown or given twice.

    Example:
        >>> descriptor_names(["maccs", "rdkit"])[166:168]
        ['maccs_166', 'MaxAbsEStateIndex']
    """
    return [name for kind in check_kinds(kinds) for name in KINDS[kind].names()]


def check_kinds(kinds: Sequence[str]) -> list[str]:
    """Check the kinds, and return them as a list."""
    if isinstance(kinds, str):
        raise TypeError(f"features must be a list with any of {', '.join(KINDS)}, got the string {kinds!r}")
    given = list(kinds)
    for kind in given:
        if kind not in KINDS:
            raise ValueError(f"features must be any of {', '.join(KINDS)}, got {kind!r}")
        if given.count(kind) > 1:
            raise ValueError(f"features must not repeat, but {kind!r} occurs {given.count(kind)} times")
        KINDS[kind].check()
    return given


def arrange(kinds: Sequence[str], parts: Iterable[tuple[Sequence[str], Tensor]]) -> Tensor:
    """Concatenate the features of these kinds; nothing is copied if one part has all of them."""
    requested = list(kinds)
    columns: dict[str, Tensor] = {}
    for part_kinds, features in parts:
        if list(part_kinds) == requested:
            return features
        widths = [len(KINDS[kind].names()) for kind in part_kinds]
        columns |= zip(part_kinds, torch.split(features, widths, dim=1), strict=True)
    return torch.cat([columns[kind] for kind in requested], dim=1)


def _described(smiles: Sequence[str], kind: str, how: Describing, folder: Path | None) -> Tensor:
    """Return the features of one kind, ``[n, F]``, from the cache or computed."""

    def build() -> Payload:
        if smiles:
            KINDS[kind].load()
        parts = map_chunks(
            partial(_chunk, kind=kind, standardize=how.standardize),
            smiles,
            what=f"describing: {kind}",
            worth=KINDS[kind].worth,
            workers=how.workers,
            progress=how.progress,
            chunk=CHUNK,
        )
        return {"features": torch.from_numpy(np.concatenate(parts))} if parts else {"features": torch.empty(0, 0)}

    names = KINDS[kind].names()
    key = content_key(smiles, KINDS[kind].version(), names, how.standardize, rdBase.rdkitVersion)
    features = cached(folder, f"features-{kind}", key, build, ["features"])["features"]
    return torch.as_tensor(features).reshape(len(smiles), len(names))


def _chunk(smiles: list[str], *, kind: str, standardize: bool) -> NDArray[np.generic]:
    with BlockLogs():
        read = [_read(text, standardize) for text in smiles]
        return KINDS[kind].rows([text for text, _ in read], [molecule for _, molecule in read])


def _read(smiles: str, standardize: bool) -> tuple[str, Any]:
    """Return the SMILES that is described, and its molecule."""
    try:
        text = standardize_smiles(smiles) if standardize else smiles
        return text, parse(text)
    except ValueError as error:
        raise ValueError(f"smiles {shown(smiles)}: {error}") from None
