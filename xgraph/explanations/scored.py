"""Scores of molecule models as functions of numbers that gradients can be taken of."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from xgraph.nn.molecules.model import MoleculeModel


def log_odds(logits: Tensor, task: int, link: str) -> Tensor:
    """Return the log-odds of a task or class, or the predicted numbers of a target, ``[B]``, for outputs ``[B, T]``."""
    own = logits[:, task]
    if link != "softmax":
        return own
    others = torch.cat([logits[:, :task], logits[:, task + 1 :]], dim=1)
    return own - others.logsumexp(dim=1)


class _Given(nn.Module):
    """Stands for a `MultiHot` and returns rows that are given."""

    value: Tensor | None = None

    def __init__(self, encode: nn.Module) -> None:
        super().__init__()
        self.encode = encode

    def forward(self, codes: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        rows: Tensor = self.encode(codes, dtype) if self.value is None else self.value
        return rows


class OfRows(nn.Module):
    """A molecule model as a function of rows of zeros and ones, which every embedding of atoms and bonds multiplies.

    Gradients cannot be taken of the integer features. All embeddings are linear in these rows, so that the attributions
    of an atom's row are the same as those of its embeddings in all layers together.

    Args:
        model: The model, which is copied.
        task: Number of the task or class.
        link: What turns its logits into scores, "sigmoid", "softmax" or, for numbers, "identity".
    """

    def __init__(self, model: MoleculeModel, task: int, link: str) -> None:
        super().__init__()
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.task, self.link = task, link
        self.atoms, self.bonds = _Given(self.model.atom_rows), _Given(self.model.bond_rows)
        self.model.atom_rows, self.model.bond_rows = self.atoms, self.bonds  # type: ignore[assignment]
        self.eval()  # PyG's Explainer restores the mode

    def rows(self, graphs: Any) -> tuple[Tensor, Tensor]:
        """Return the rows of the atoms and edges of a batch."""
        self.atoms.value = self.bonds.value = None
        return self.model.rows(graphs)

    def forward(
        self, x: Tensor, edge_index: Tensor, edge_attr: Tensor, graphs: Any, features: Tensor | None = None
    ) -> Tensor:
        """Return log-odds, ``[B]``.

        Args:
            x: Rows of the atoms. Shape ``[N, 174]``.
            edge_index: The edges, which are those of `graphs`.
            edge_attr: Rows of the edges. Shape ``[E, 13]``.
            graphs: The batch.
            features: Additional features. Shape ``[B, F]``.
        """
        self.atoms.value, self.bonds.value = x, edge_attr
        batch = copy.copy(graphs)
        if features is not None:
            batch.features = features
        return log_odds(self.model(batch), self.task, self.link)
