"""MiniMol's fingerprints of the molecules of the study, computed once and kept in a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.objectives.sets import Molecules
from xgraph.data.molecules.features.describe import describe

WIDTH = 512


class Fingerprints:
    """Float32 fingerprints by molecule; those that no file of the folder holds are computed when they are needed."""

    def __init__(self, molecules: Molecules, folder: Path) -> None:
        self.smiles, self.folder = molecules.smiles, folder
        self.values = np.zeros((len(self.smiles), WIDTH), dtype=np.float32)
        self.known = np.zeros(len(self.smiles), dtype=bool)
        self.read: set[Path] = set()

    def refresh(self) -> None:
        """Read files that have been written since."""
        for path in sorted(set(self.folder.glob("*.npz")) - self.read):
            with np.load(path) as file:
                self.values[file["ids"]] = file["x"]
                self.known[file["ids"]] = True
            self.read.add(path)

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        if not self.known[rows].all():
            self.refresh()
        missing = rows[~self.known[rows]]
        if len(missing):
            values = describe([self.smiles[row] for row in missing.tolist()], ["minimol"], keep=False)
            path = self.folder / f"{missing[0]}-{len(missing)}.npz"
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_suffix(".part")
            with temporary.open("wb") as file:
                np.savez(file, ids=missing, x=np.asarray(values, dtype=np.float32))
            temporary.replace(path)
            self.refresh()
        return self.values[rows]
