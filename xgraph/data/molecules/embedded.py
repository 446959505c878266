"""Data sets that need no download: molecules that come with RDKit, labelled by RDKit."""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xgraph.data.molecules.interrupts import interrupts_held
from xgraph.data.storage.root import Progress, replacing, root

if TYPE_CHECKING:
    from xgraph.data.molecules.table import Table

_CHUNK = 500  # molecules between two reports of progress
_UNREADABLE = -1


def nci_pains(folder: str | Path | None = None, progress: Progress | None = None) -> Table:
    """The 4,999 NCI molecules in RDKit's data folder; the label says if they match a PAINS filter."""
    from rdkit import RDConfig

    from xgraph.data.molecules.table import Table

    path = Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi"
    if not path.is_file():
        raise FileNotFoundError(f"nci-pains: this RDKit comes without {path}; the one on the package index has it")
    smiles = [line.split()[0] for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    labels = _kept_labels(smiles, folder, progress).astype(np.float32)
    labels[labels == _UNREADABLE] = np.nan
    return Table(smiles=smiles, y=labels[:, None], task_names=["pains"], rows=np.arange(len(smiles)))


def pains_labels(smiles: Sequence[str], progress: Progress | None = None) -> NDArray[np.int8]:
    """1 where a molecule matches RDKit's PAINS filters A, B or C, 0 where not, -1 where not parsable."""
    from rdkit import Chem
    from rdkit.Chem.rdfiltercatalog import FilterCatalog, FilterCatalogParams, RunFilterCatalog
    from rdkit.rdBase import BlockLogs

    params = FilterCatalogParams()
    for name in ("PAINS_A", "PAINS_B", "PAINS_C"):
        params.AddCatalog(getattr(FilterCatalogParams.FilterCatalogs, name))
    catalog = FilterCatalog(params)
    labels = np.full(len(smiles), _UNREADABLE, dtype=np.int8)
    with BlockLogs():
        for start in range(0, len(smiles), _CHUNK):
            stop = min(start + _CHUNK, len(smiles))
            readable = [i for i in range(start, stop) if Chem.MolFromSmiles(smiles[i]) is not None]
            with interrupts_held():
                matches = RunFilterCatalog(catalog, [smiles[i] for i in readable], numThreads=os.cpu_count() or 1)
            labels[readable] = [len(match) > 0 for match in matches]
            if progress is not None:
                progress(stop, len(smiles), "PAINS labels")
    return labels


def _kept_labels(smiles: list[str], folder: str | Path | None, progress: Progress | None) -> NDArray[np.int8]:
    from rdkit import rdBase

    key = hashlib.sha256("\n".join(smiles).encode()).hexdigest()[:12]
    path = root(folder) / "embedded" / f"nci-pains-{key}-rdkit-{rdBase.rdkitVersion}.npy"
    try:
        labels = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
        if labels.dtype == np.int8 and labels.shape == (len(smiles),):
            return np.asarray(labels, dtype=np.int8)
    except (OSError, ValueError, EOFError):
        pass  # not there yet, or damaged: computed anew
    labels = pains_labels(smiles, progress)
    try:
        with replacing(path) as out:
            np.save(out, labels, allow_pickle=False)
    except OSError as error:
        warnings.warn(f"xgraph: the labels of nci-pains are not kept: {error}", stacklevel=2)
    return labels


EMBEDDED: dict[str, Callable[[str | Path | None, Progress | None], Table]] = {"nci_pains": nci_pains}
