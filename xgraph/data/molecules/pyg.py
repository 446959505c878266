"""Lists of PyG graphs as data sets of molecules."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Data

from xgraph.data.labels.labels import one_hot
from xgraph.data.labels.tensors import checked_numbers, holds_numbers, note_of
from xgraph.data.molecules.dataset import MoleculeDataset
from xgraph.data.molecules.packed import PackedGraphs
from xgraph.data.molecules.standardize import AtomOrder
from xgraph.data.molecules.table import RowError, Table
from xgraph.data.storage.root import Progress
from xgraph.messages import shown

# Vocabulary sizes of OGB's features, as in `xgraph.nn`.
_ATOM, _BOND = (119, 5, 12, 12, 10, 6, 6, 2, 2), (5, 6, 2)
_MOST_CLASSES = 1000
_REMEDY = (
    "the built-in models read molecules: give each graph its `smiles`, or the integer features of OGB's smiles2graph; "
    "for other graphs, use your own PyG model with the losses and samplers of xgraph"
)


def molecules_of_graphs(
    graphs: Sequence[Data],
    *,
    name: str = "graphs",
    labelled: bool = True,
    standardize: bool = False,
    root: str | Path | None = None,
    progress: Progress | None = None,
    atom_order: AtomOrder = "canonical",
    task: Literal["binary", "multiclass", "regression"] | None = None,
) -> MoleculeDataset:
    """Return a list of PyG graphs as molecules.

    If the graphs have `smiles`, as those of PyG's MoleculeNet have, the molecules are read from these, because the
    features of PyG's `from_smiles` are not those of the built-in models. Otherwise `x` ``[atoms, 9]`` and `edge_attr`
    ``[edges, 3]`` must be the integer features of the Open Graph Benchmark.

    Args:
        graphs: The graphs, with labels `y`, one or several per graph: 0, 1 and NaN (missing), or floats with other
            values, which are numbers to predict (regression). Single integers other than 0 and 1 are classes, with -1
            for missing.
        name: Name of the data set.
        labelled: Whether labels are required and read.
        standardize: Whether to reduce each molecule to its largest fragment, neutralised, if there are SMILES.
        root: Data root for the cache; by default ``XGRAPH_ROOT`` or ``~/.cache/xgraph``.
        progress: Called with ``(done, total, description)``.
        atom_order: Order in which the atoms of SMILES are read, ``"canonical"`` or ``"drawn"``.
        task: What the labels are, if not what they look like.

    Raises:
        TypeError: If an item is not a graph of PyG.
        ValueError: If there are no graphs, a graph has no labels or other features, or labels do not fit `task`.
    """
    wrong = next((graph for graph in graphs if not isinstance(graph, Data)), None)
    if wrong is not None:
        raise TypeError(f"graphs must be Data objects of PyG, got {shown(wrong)} ({type(wrong).__name__})")
    if not len(graphs):
        raise ValueError("graphs is empty: expected at least one graph")
    labels = (
        _labels(graphs, task) if labelled else _Labels(np.empty((len(graphs), 0), dtype=np.float32), "binary", [], {})
    )
    smiles = [graph.get("smiles") for graph in graphs]
    if all(isinstance(text, str) for text in smiles):
        keep = [i for i, text in enumerate(smiles) if text.strip()]
        blank = [RowError(i, "", "the SMILES is empty") for i, text in enumerate(smiles) if not text.strip()]
        rows = np.array(keep, dtype=np.int64)
        table = Table(
            [smiles[i] for i in keep], labels.y[rows], labels.names, rows, blank, notes=labels.notes, task=labels.task
        )
        return MoleculeDataset.from_table(
            table, name=name, root=root, standardize=standardize, progress=progress, atom_order=atom_order
        )
    if standardize:
        raise ValueError("standardize=True needs SMILES: the graphs have none")
    packed = _packed(graphs)
    texts = [text if isinstance(text, str) else "" for text in smiles]
    rows = np.arange(len(graphs))
    return MoleculeDataset(
        packed,
        texts,
        torch.from_numpy(labels.y),
        torch.from_numpy(rows),
        name=name,
        task_names=labels.names,
        notes=labels.notes,
        task=labels.task,
    )


def task_of_graphs(graphs: Sequence[Data], task: str | None = None) -> Literal["binary", "multiclass", "regression"]:
    """Return what the labels of graphs are."""
    return _labels(graphs, task).task


class _Labels(NamedTuple):
    y: NDArray[np.float32]
    task: Literal["binary", "multiclass", "regression"]
    names: list[str]
    notes: dict[str, str]


def _labels(graphs: Sequence[Data], task: str | None) -> _Labels:
    """Return the labels of graphs, and what they are."""
    y = _stacked(graphs)
    names = ["y"] if y.size(1) == 1 else [f"y{i}" for i in range(y.size(1))]
    if task == "regression" or (task is None and holds_numbers(y)):
        numbers = checked_numbers(y)
        notes = {name: note_of(column) for name, column in zip(names, numbers.T, strict=True)}
        return _Labels(numbers.numpy(), "regression", names, notes)
    if task == "multiclass" or (task is None and y.size(1) == 1 and not y.is_floating_point() and int(y.max()) > 1):
        return _classes(y)
    y = y.float()
    wrong = ((y != 0) & (y != 1) & ~y.isnan()).nonzero()
    if len(wrong):
        i, number = wrong[0].tolist()
        raise ValueError(
            f"labels must be 0, 1 or NaN (missing), got {float(y[i, number]):g} for graph {i}; task 'regression' takes "
            "numbers, 'multiclass' classes"
        )
    return _Labels(y.numpy(), "binary", names, {})


def _classes(y: Tensor) -> _Labels:
    """Return classes from 0, with -1 or NaN for missing, as rows with a single 1."""
    numbers = torch.where(y.isnan(), -1, y).reshape(-1)
    wrong = ((numbers != numbers.round()) | (numbers < -1) | (numbers >= _MOST_CLASSES)).nonzero()
    if y.size(1) != 1 or len(wrong):
        i = int(wrong[0]) if len(wrong) else 0
        raise ValueError(
            f"classes must be one whole number per graph, from 0 to {_MOST_CLASSES - 1}, or -1 (missing); got "
            f"{y[i].tolist()} for graph {i}"
        )
    codes = numbers.long().numpy()
    classes = max(int(codes.max(initial=0)), 1) + 1
    return _Labels(one_hot(codes, classes), "multiclass", [str(number) for number in range(classes)], {})


def _stacked(graphs: Sequence[Data]) -> Tensor:
    """Return the labels of all graphs, ``[n, T]``."""
    labels = []
    for i, graph in enumerate(graphs):
        own = graph.get("y")
        if own is None:
            raise ValueError(f"graph {i} has no labels: set y to 0, 1 or NaN (missing)")
        labels.append(torch.as_tensor(own).detach().cpu().reshape(-1))
        if len(labels[i]) != len(labels[0]):
            raise ValueError(
                f"all graphs must have the same number of labels, got {len(labels[0])} for graph 0 and "
                f"{len(labels[i])} for graph {i}"
            )
    kinds = {own.dtype for own in labels}
    return torch.stack(labels if len(kinds) == 1 else [own.double() for own in labels])


def _packed(graphs: Sequence[Data]) -> PackedGraphs:
    """Pack graphs with OGB's features; each bond must be there in both directions."""
    parts = [_checked(graph, i) for i, graph in enumerate(graphs)]
    return PackedGraphs.from_counts(
        np.concatenate([x for x, _, _ in parts]),
        np.concatenate([ends for _, ends, _ in parts]),
        np.concatenate([bonds for _, _, bonds in parts]),
        np.array([len(x) for x, _, _ in parts], dtype=np.int64),
        np.array([len(ends) for _, ends, _ in parts], dtype=np.int64),
    )


def _checked(graph: Data, i: int) -> tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.uint8]]:
    x = _features(graph.get("x"), _ATOM, f"x of graph {i}")
    edges, attributes = graph.get("edge_index"), graph.get("edge_attr")
    if edges is None or edges.dim() != 2 or edges.size(0) != 2:
        raise ValueError(f"edge_index of graph {i} must have shape [2, edges]")
    if edges.numel() and not 0 <= int(edges.min()) <= int(edges.max()) < len(x):
        raise ValueError(f"edge_index of graph {i} refers to an atom outside 0 to {len(x) - 1}")
    bonds = _features(
        attributes if edges.numel() else torch.empty(0, 3, dtype=torch.long), _BOND, f"edge_attr of graph {i}"
    )
    if len(bonds) != edges.size(1):
        raise ValueError(f"edge_attr of graph {i} must have one row per edge, {edges.size(1)}, got {len(bonds)}")
    ends = edges.cpu().numpy().T
    rows = np.concatenate([ends, bonds], axis=1)
    if len(rows) % 2 == 0 and np.array_equal(rows[::2], rows[1::2][:, [1, 0, 2, 3, 4]]):  # in OGB's order
        return x, ends[::2].astype(np.int32), bonds[::2]
    forward = rows[ends[:, 0] < ends[:, 1]]
    backward = rows[ends[:, 0] > ends[:, 1]]
    mirrored = np.concatenate([backward[:, 1::-1], backward[:, 2:]], axis=1)
    same = len(forward) == len(mirrored) and 2 * len(forward) == len(rows)
    if not same or not np.array_equal(_sorted(forward), _sorted(mirrored)):
        raise ValueError(f"edge_index of graph {i} must hold each bond in both directions, with the same edge_attr")
    return x, forward[:, :2].astype(np.int32), forward[:, 2:].astype(np.uint8)


def _sorted(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    return rows[np.lexsort(rows.T[::-1])]


def _features(values: Tensor | None, sizes: Sequence[int], what: str) -> NDArray[np.uint8]:
    """Return categories after checking that each is within OGB's vocabulary."""
    fits = isinstance(values, Tensor) and values.dim() == 2 and values.size(1) == len(sizes)
    if not isinstance(values, Tensor) or not fits:
        got = "nothing" if values is None else f"{values.dtype} of shape {list(values.shape)}"
        raise ValueError(f"{what} must be integers of shape [n, {len(sizes)}], got {got}; {_REMEDY}")
    whole = values.cpu()
    if whole.is_floating_point():
        if not bool((whole == whole.round()).all()):
            raise ValueError(f"{what} must be integers, got {float(whole[whole != whole.round()][0]):g}; {_REMEDY}")
        whole = whole.long()
    wrong = ((whole < 0) | (whole >= torch.tensor(sizes))).nonzero()
    if len(wrong):
        row, column = wrong[0].tolist()
        raise ValueError(
            f"{what} must be below {sizes[column]} in column {column}, got {int(whole[row, column])}; {_REMEDY}"
        )
    return whole.numpy().astype(np.uint8)
