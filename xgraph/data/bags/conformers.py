"""Molecules as bags of conformers, generated and described by RDKit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers, rdMolDescriptors
from rdkit.rdBase import BlockLogs

from xgraph.data.molecules.molecule import parse
from xgraph.data.molecules.table import RowError
from xgraph.data.storage.parallel import map_chunks
from xgraph.data.storage.root import Progress
from xgraph.data.storage.root import root as root_folder
from xgraph.data.storage.store import Payload, cached, content_key
from xgraph.messages import shown

if TYPE_CHECKING:
    from xgraph.data.bags.dataset import BagDataset

VERSION = "conformers-1"
DESCRIPTORS: dict[str, Callable[..., Sequence[float]]] = {
    "usrcat": rdMolDescriptors.GetUSRCAT,
    "autocorr3d": rdMolDescriptors.CalcAUTOCORR3D,
    "rdf": rdMolDescriptors.CalcRDF,
    "morse": rdMolDescriptors.CalcMORSE,
    "whim": rdMolDescriptors.CalcWHIM,
}
"""Rotation-invariant conformer descriptors, with 60, 80, 210, 224 and 114 numbers."""

CHUNK = 16  # molecules per cache file and between two progress reports
_WORTH = 8  # number of molecules that justifies another process
_ATTEMPTS, _RANDOM_ATTEMPTS = 20, 3  # to embed a conformer; RDKit's default of ten per atom takes minutes for peptides
_LARGEST = 300  # maximum number of atoms, including hydrogens, for a random start, which takes seconds per attempt


class _Options(NamedTuple):
    num_conformers: int
    seed: int
    minimize: bool
    descriptors: tuple[str, ...]
    root: Path | None


def conformer_bags(
    smiles: Sequence[str],
    y: Any = None,
    *,
    num_conformers: int = 10,
    seed: int = 0,
    minimize: bool = False,
    descriptors: Sequence[str] = ("usrcat", "autocorr3d"),
    name: str = "conformers",
    task_names: Sequence[str] | None = None,
    metric: str | None = None,
    root: str | Path | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    keep: bool = True,
    task: Literal["binary", "regression"] = "binary",
) -> BagDataset:
    """Create bags of conformers from molecules: one bag per molecule, one instance per conformer.

    Conformers are embedded by RDKit's ETKDGv3 with explicit hydrogens. The random seed is derived from `seed` and the
    SMILES, so the conformers of a molecule do not depend on the other molecules. Stereocentres that the SMILES does not
    specify may differ between conformers. Results are cached in the data root, 16 molecules per file, so an interrupted
    call resumes.

    Args:
        smiles: SMILES of the molecules.
        y: Labels 0 and 1, or with `task` regression numbers, with NaN for missing. Shape ``[n]`` or ``[n, T]``; None
            for no tasks.
        num_conformers: Number of conformers per molecule; RDKit may find fewer.
        seed: Seed of the embedding.
        minimize: Whether to optimise conformers with the MMFF94 force field if it has parameters for the molecule.
        descriptors: Descriptors of a conformer: usrcat (shape of the molecule and of its hydrophobic, aromatic, donor
            and acceptor atoms, 60 numbers), autocorr3d (80), rdf (210), morse (224) or whim (114).
        name: Name of the data set.
        task_names: Names of the T tasks.
        metric: Metric for model selection; by default ap, or rmse for regression.
        root: Data root for the cache; by default ``XGRAPH_ROOT`` or ``~/.cache/xgraph``.
        workers: Number of processes; by default one per core if there are enough molecules.
        progress: Called with ``(done, total, description)``.
        keep: Whether to cache the results.
        task: Whether labels are 0 and 1 ("binary") or numbers to predict ("regression").

    Returns:
        One bag for each molecule with conformers, named by its SMILES. `row` is its position in `smiles`; `errors`
        lists the other molecules.

    Raises:
        ValueError: If an argument is out of range, or no molecule has a conformer.

    Example:
        >>> data = conformer_bags(["CCO", "C1CC", "CC(=O)O"], [1, 0, 0], num_conformers=3)
        >>> data, data.row.tolist(), data.errors[0].row
        (BagDataset('conformers', bags=2, instances=6, features=140, tasks=1), [0, 2], 1)
    """
    from xgraph.data.bags.dataset import BagDataset

    if isinstance(smiles, str):
        raise TypeError("smiles must be a sequence of strings, got a single string")
    if isinstance(num_conformers, bool) or not isinstance(num_conformers, int) or num_conformers < 1:
        raise ValueError(f"num_conformers must be a positive integer, got {num_conformers!r}")
    unknown = [name for name in descriptors if name not in DESCRIPTORS]
    if unknown or not descriptors or isinstance(descriptors, str):
        raise ValueError(f"descriptors must be a list with any of {', '.join(DESCRIPTORS)}, got {descriptors!r}")
    labels = None if y is None else torch.as_tensor(y).float()
    if labels is not None and len(labels) != len(smiles):
        raise ValueError(f"y must have {len(smiles)} rows, one per molecule, got {len(labels)}")
    texts = [text.strip() if isinstance(text, str) else "" for text in smiles]
    options = _Options(num_conformers, seed, minimize, tuple(descriptors), root_folder(root) if keep else None)
    parts = map_chunks(
        partial(_chunk, options=options),
        texts,
        what="conformers",
        worth=_WORTH,
        workers=workers,
        progress=progress,
        chunk=CHUNK,
    )
    sizes = np.concatenate([np.empty(0, dtype=np.int64), *(part[1] for part in parts)])
    reasons = [reason for part in parts for reason in part[2]]
    kept = np.flatnonzero(sizes)
    lost = np.flatnonzero(sizes == 0).tolist()
    errors = [RowError(i, texts[i], reason) for i, reason in zip(lost, reasons, strict=True)]
    if not len(kept):
        raise ValueError(f"{name}: none of the {len(texts)} molecules has a conformer" + _first(errors))
    return BagDataset(
        np.concatenate([part[0] for part in parts if len(part[0])]),
        np.concatenate([[0], np.cumsum(sizes[kept])]),
        None if labels is None else labels[kept],
        name=name,
        task_names=task_names,
        metric=metric,
        bag_names=[texts[i] for i in kept.tolist()],
        row=torch.from_numpy(kept),
        errors=errors,
        featurizer=f"{VERSION}+{'+'.join(descriptors)}+{num_conformers}+{seed}" + "+mmff" * minimize,
        task=task,
    )


def arguments_of(version: str) -> dict[str, Any]:
    """Return the arguments of `conformer_bags` that give features of this version; none if it is an unknown one."""
    name, *words = version.split("+")
    minimize = words[-1:] == ["mmff"]
    *descriptors, number, seed = words[:-1] if minimize else words
    if name != VERSION:
        return {}
    return {"descriptors": descriptors, "num_conformers": int(number), "seed": int(seed), "minimize": minimize}


def _chunk(smiles: list[str], *, options: _Options) -> tuple[NDArray[np.float32], NDArray[np.int64], list[str]]:
    """Return descriptors of the conformers, the number per molecule, and failures, from the cache or computed."""

    def build() -> Payload:
        results = [_described(text, options) for text in smiles]
        rows = [result for result in results if not isinstance(result, str)]
        x = np.concatenate(rows) if rows else np.empty((0, 0), dtype=np.float32)
        sizes = np.array([0 if isinstance(result, str) else len(result) for result in results], dtype=np.int64)
        reasons = json.dumps([result for result in results if isinstance(result, str)])
        return {"x": torch.from_numpy(x), "sizes": torch.from_numpy(sizes), "reasons": reasons}

    key = content_key(smiles, VERSION, *options[:-1], rdBase.rdkitVersion)
    payload = cached(options.root, "conformers", key, build, ("x", "sizes", "reasons"))
    # copy the arrays, so that the result does not keep many files open
    x, sizes = (torch.as_tensor(payload[name]).numpy().copy() for name in ("x", "sizes"))
    return x, sizes, json.loads(str(payload["reasons"]))


def _described(smiles: str, options: _Options) -> NDArray[np.float32] | str:
    """Return the descriptors of each conformer of a molecule, or why it has none."""
    try:
        with BlockLogs():
            molecule, ids = _with_conformers(smiles, options)
            if not ids:
                return "RDKit cannot find a conformer"
            numbers = [
                np.concatenate([DESCRIPTORS[kind](molecule, confId=i) for kind in options.descriptors]) for i in ids
            ]
    except Exception as error:  # RDKit's own types as well as ValueError
        return str(error) if smiles else "the SMILES is empty"
    x = np.stack(numbers).astype(np.float32)
    return x if np.isfinite(x).all() else "a descriptor of a conformer is not finite"


def _with_conformers(smiles: str, options: _Options) -> tuple[Chem.Mol, list[int]]:
    """Return a molecule with hydrogens and conformers, and the numbers of these."""
    molecule = Chem.AddHs(parse(smiles))
    ids = _embed(molecule, smiles, options)
    if ids and options.minimize and rdForceFieldHelpers.MMFFHasAllMoleculeParams(molecule):
        rdForceFieldHelpers.MMFFOptimizeMoleculeConfs(molecule)
    return molecule, ids


def conformers_of(smiles: str, version: str) -> tuple[Chem.Mol, list[int]]:
    """Return a molecule with the conformers that features of this version were computed from, and their numbers."""
    how = arguments_of(version)
    with BlockLogs():
        return _with_conformers(smiles, _Options(**how, root=None))


def _embed(molecule: Chem.Mol, smiles: str, options: _Options) -> list[int]:
    digest = hashlib.sha256(f"{options.seed} {smiles}".encode("utf-8", "surrogatepass")).digest()
    parameters = rdDistGeom.ETKDGv3()
    parameters.randomSeed = int.from_bytes(digest[:4], "little") >> 1  # RDKit accepts 31 bits
    parameters.maxIterations = _ATTEMPTS
    ids = rdDistGeom.EmbedMultipleConfs(molecule, options.num_conformers, parameters)
    if not len(ids) and molecule.GetNumAtoms() <= _LARGEST:
        # random coordinates help if the default start fails
        parameters.useRandomCoords, parameters.maxIterations = True, _RANDOM_ATTEMPTS
        ids = rdDistGeom.EmbedMultipleConfs(molecule, options.num_conformers, parameters)
    return list(ids)


def _first(errors: Sequence[RowError]) -> str:
    return f"; row {errors[0].row}: {shown(errors[0].smiles)}: {errors[0].message}" if errors else ""
