"""The two regimes: an MLP on MiniMol's fingerprint, and GINE from scratch; and forests as references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator
from sklearn.ensemble import RandomForestClassifier
from torch import Tensor, nn

from benchmarks.objectives.features import WIDTH
from benchmarks.objectives.replicas import Replicas
from benchmarks.objectives.tasks import Cell, Task, labels
from benchmarks.objectives.train import scores
from xgraph.data import MoleculeDataset, feature_statistics
from xgraph.nn import GINE, MLP
from xgraph.nn.layers.feature_scale import FeatureScale
from xgraph.training.scoring.inference import EVAL_BATCH_SIZE

TREES = 100
CLAMP = 10.0
"""Standardised features are clamped, as the library's MLP does."""


class MLPProblem:
    """Tasks on MiniMol's fingerprint, 512 numbers per molecule, with an MLP each."""

    def __init__(self, cell: Cell, tasks: Sequence[Task], features: Any) -> None:
        self.labels, self.count = labels(cell), len(tasks)
        self.x = {part: torch.empty(len(tasks), size, WIDTH) for part, size in cell.sizes.items()}
        for k, task in enumerate(tasks):
            train = torch.from_numpy(features[task.rows["train"]])
            scale = FeatureScale(train.size(1))
            scale.fit(*feature_statistics(train, torch.arange(len(train))))
            for part, rows in task.rows.items():
                self.x[part][k] = scale(torch.from_numpy(features[rows])).clamp_(-CLAMP, CLAMP)

    def model(self) -> Replicas:
        size = self.x["train"].size(2)
        return Replicas([MLP(1, size, hidden_channels=256, num_layers=1, dropout=0.2) for _ in range(self.count)])

    def batch(self, rows: np.ndarray) -> Tensor:
        return self.x["train"][:, torch.from_numpy(rows)]

    def score(self, model: nn.Module, part: str) -> np.ndarray:
        model.eval()
        with torch.inference_mode():
            return model(self.x[part]).double().numpy()


class GINEProblem:
    """A task on molecular graphs."""

    count = 1

    def __init__(self, cell: Cell, task: Task, smiles: list[str]) -> None:
        self.labels = labels(cell)
        self.data = {part: graphs_of([smiles[row] for row in rows]) for part, rows in task.rows.items()}
        self.batches: dict[str, list[Any]] = {}

    def model(self) -> GINE:
        return GINE(1, hidden_channels=64, num_layers=3, dropout=0.2)

    def batch(self, rows: np.ndarray) -> Any:
        return self.data["train"].batch(rows)

    def score(self, model: nn.Module, part: str) -> np.ndarray:
        data = self.data[part]
        if part not in self.batches:
            begins = range(0, len(data), EVAL_BATCH_SIZE)
            self.batches[part] = [data.batch(np.arange(len(data))[i : i + EVAL_BATCH_SIZE]) for i in begins]
        model.eval()
        with torch.inference_mode():
            return torch.cat([model(batch) for batch in self.batches[part]]).double().numpy()


def graphs_of(smiles: list[str]) -> MoleculeDataset:
    """The molecules as graphs; all can be read."""
    data = MoleculeDataset.from_smiles(smiles)
    if data.errors:
        raise ValueError(f"{len(data.errors)} of {len(smiles)} molecules cannot be read: {data.errors[0]}")
    return data


class MorganCounts:
    """Counts of Morgan fragments of radius 2, folded to 2,048 columns; each molecule is read once."""

    def __init__(self, smiles: list[str]) -> None:
        self.smiles = smiles
        self.known: dict[int, np.ndarray] = {}

    @cached_property
    def generator(self) -> Any:
        return rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        for row in rows.tolist():
            if row not in self.known:
                counts = self.generator.GetCountFingerprintAsNumPy(Chem.MolFromSmiles(self.smiles[row]))
                self.known[row] = counts.clip(max=255).astype(np.uint8)
        return np.stack([self.known[row] for row in rows.tolist()])


def forests(cell: Cell, task: Task, inputs: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Test metrics of random forests on the training part, with scikit-learn's defaults but for the balance."""
    done, known = {}, labels(cell)
    for name, features in inputs.items():
        forest = RandomForestClassifier(TREES, min_samples_leaf=2, class_weight="balanced_subsample", random_state=seed)
        forest.fit(features[task.rows["train"]], known["train"])
        done[name] = scores(known["test"], forest.predict_proba(features[task.rows["test"]])[:, 1])
    return done
