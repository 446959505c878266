"""Attributions of networks to the atoms and bonds of molecules."""

import copy
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch_geometric.explain import Explainer

from xgraph.explanations.gradients import IntegratedGradients
from xgraph.explanations.names import LEAVE_OUT, SLOPE
from xgraph.explanations.scored import OfRows, log_odds
from xgraph.nn.molecules.model import MoleculeModel

Values = npt.NDArray[np.float64]
_AT_ONCE = 32  # molecules in a batch


class Parts(NamedTuple):
    """Attributions of one molecule.

    Args:
        atoms: Of each atom that the model reads. Shape ``[n]``.
        bonds: Of each bond; missing if the model reads no features of bonds. Shape ``[m]``.
        ends: Both atoms of each bond. Shape ``[m, 2]``.
        features: Of each additional feature; empty if there are none. Shape ``[F]``.
    """

    atoms: Values
    bonds: Values
    ends: npt.NDArray[np.int64]
    features: Values


def of_networks(
    model: nn.Module, data: Any, task: int, link: str, *, method: str, steps: int, device: str
) -> list[Parts]:
    """Return the attributions to the log-odds of a task for all molecules of a data set."""
    parts: list[Parts] = []
    if method == LEAVE_OUT:
        return [_left_out(model.to(device).eval(), data, i, task, link, device) for i in range(len(data))]
    if not isinstance(model, MoleculeModel):
        raise TypeError(f"{type(model).__name__} is no MoleculeModel, whose inputs gradients can be taken of")
    adapter = OfRows(model, task, link).to(device)
    for start in range(0, len(data), _AT_ONCE):
        batch = data.batch(list(range(start, min(start + _AT_ONCE, len(data))))).to(device)
        parts += _gradients(adapter, batch, 0 if method == SLOPE else steps)
    return parts


def _gradients(adapter: OfRows, batch: Any, steps: int) -> list[Parts]:
    x, edges = adapter.rows(batch)
    extra: dict[str, Any] = {}
    baselines = {}
    if adapter.model.scale is not None:
        extra["features"] = batch.features.to(adapter.model.scale.mean.dtype)
        baselines["features"] = adapter.model.scale.mean
    explainer = Explainer(
        adapter,
        IntegratedGradients(steps, baselines),
        explanation_type="model",
        node_mask_type="attributes",
        edge_mask_type="object",
        model_config={"mode": "regression", "task_level": "graph", "return_type": "raw"},
    )
    found = explainer(x, batch.edge_index, edge_attr=edges, graphs=batch, **extra)
    atoms = found.node_mask.double().sum(1).cpu().numpy()
    bonds = found.edge_mask.double().view(-1, 2).sum(1).cpu().numpy()  # both directions are next to each other
    features = found.features_mask.double().cpu().numpy() if extra else np.empty((batch.num_graphs, 0))
    return _apart(batch, atoms, bonds, features)


def _apart(batch: Any, atoms: Values, bonds: Values, features: Values) -> list[Parts]:
    """Return the values of each molecule of a batch."""
    ptr = batch.ptr.cpu().numpy()
    ends = batch.edge_index[:, ::2].T.cpu().numpy()
    owner = batch.batch.cpu().numpy()[ends[:, 0]] if len(ends) else np.empty(0, dtype=np.int64)
    return [
        Parts(atoms[ptr[i] : ptr[i + 1]], bonds[owner == i], ends[owner == i] - ptr[i], features[i])
        for i in range(len(ptr) - 1)
    ]


def _left_out(model: nn.Module, data: Any, position: int, task: int, link: str, device: str) -> Parts:
    """Return by how much the log-odds fall if an atom is removed with its bonds, or a bond alone."""
    whole = data.batch([position])
    n, m = len(whole.x), whole.edge_index.size(1) // 2
    ends = whole.edge_index[:, ::2].T
    keep_atoms = torch.ones(1 + n + m, n, dtype=torch.bool)
    keep_atoms[range(1, 1 + n), range(n)] = False
    keep_bonds = torch.ones(1 + n + m, m, dtype=torch.bool)
    keep_bonds[range(1 + n, 1 + n + m), range(m)] = False
    keep_bonds &= keep_atoms[:, ends[:, 0]] & keep_atoms[:, ends[:, 1]]
    scores: list[Values] = []
    for start in range(0, len(keep_atoms), 8 * _AT_ONCE):
        rows = slice(start, start + 8 * _AT_ONCE)
        batch = _copies(whole, keep_atoms[rows], keep_bonds[rows]).to(device)
        with torch.inference_mode():
            scores.append(log_odds(model(batch), task, link).double().cpu().numpy())
    score = np.concatenate(scores)
    fall = score[0] - score[1:]
    return Parts(fall[:n], fall[n:], ends.numpy(), np.empty(0))


def _copies(whole: Any, atoms: torch.Tensor, bonds: torch.Tensor) -> Any:
    """Return a batch of copies of a molecule, each with some of its atoms and bonds."""
    copies, n = atoms.size(0), atoms.size(1)
    edges = bonds.repeat_interleave(2, dim=1)
    number = (atoms.flatten().cumsum(0) - 1).view(copies, n)
    copy_of, edge = edges.nonzero(as_tuple=True)
    batch = copy.copy(whole)
    batch.x = whole.x.repeat(copies, 1)[atoms.flatten()]
    batch.batch = torch.arange(copies).repeat_interleave(atoms.sum(1))
    batch.ptr = torch.cat([torch.zeros(1, dtype=torch.long), atoms.sum(1).cumsum(0)])
    batch.edge_index = torch.stack([number[copy_of, whole.edge_index[end, edge]] for end in (0, 1)])
    batch.edge_attr = whole.edge_attr[edge]
    if getattr(whole, "features", None) is not None:
        batch.features = whole.features.repeat(copies, 1)
    return batch
