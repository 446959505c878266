"""Data sets that need no download: molecules included in RDKit, labelled by RDKit."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from xgraph.data.molecules.interrupts import interrupts_held
from xgraph.data.storage.root import Progress, root
from xgraph.data.storage.store import Payload, cached, content_key

if TYPE_CHECKING:
    from xgraph.data.molecules.table import Table

_CHUNK = 500  # molecules between two progress reports
_UNREADABLE = -1


def nci_pains(folder: str | Path | None = None, progress: Progress | None = None) -> Table:
    """Read the 4,999 NCI molecules in RDKit's data folder; the label is whether they match a PAINS filter."""
    from rdkit import RDConfig, rdBase

    from xgraph.data.molecules.table import Table

    path = Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi"
    if not path.is_file():
        raise FileNotFoundError(
            f"nci-pains needs {path}, which this RDKit does not include; install RDKit from the package index"
        )
    smiles = [line.split()[0] for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    key = content_key(smiles, "pains", rdBase.rdkitVersion)

    def build() -> Payload:
        return {"labels": torch.from_numpy(pains_labels(smiles, progress))}

    labels = torch.as_tensor(cached(root(folder), "nci-pains", key, build, ["labels"])["labels"]).float().numpy()
    labels[labels == _UNREADABLE] = np.nan
    return Table(smiles=smiles, y=labels[:, None], task_names=["pains"], rows=np.arange(len(smiles)))


def pains_labels(smiles: Sequence[str], progress: Progress | None = None) -> NDArray[np.int8]:
    """Return 1 if a molecule matches RDKit's PAINS filters A, B or C, 0 if not, -1 if it cannot be parsed."""
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


EMBEDDED: dict[str, Callable[[str | Path | None, Progress | None], Table]] = {"nci_pains": nci_pains}
