"""The train, valid and test nodes of a graph of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xgraph.data.labels.tensors import holds_numbers
from xgraph.data.nodes.splits import FRACTIONS
from xgraph.data.splits.classes import bag_classes
from xgraph.data.splits.own import OwnSplit, parts_present
from xgraph.data.splits.words import PARTS

if TYPE_CHECKING:
    from xgraph.data.graphs.nodes import NodeTable

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class GivenParts:
    """What a file says of the parts of its nodes.

    Args:
        rows: Number of rows of its table of nodes.
        kept: Rows of the nodes; None for all.
        column: The column that says which part a node is in.
        cells: Its cells, an Arrow array of text; None if there is no such column.
        positions: Nodes by part, from masks; None if there are none.
    """

    rows: int = 0
    kept: Ids | None = None
    column: str = "split"
    cells: Any = None
    positions: Mapping[str, Ids] | None = None

    @classmethod
    def of(cls, nodes: NodeTable) -> GivenParts:
        """Return what a table of nodes says."""
        return cls(nodes.rows, nodes.kept, nodes.roles.split or "split", nodes.split)

    @property
    def exists(self) -> bool:
        """Whether the file has parts."""
        return self.cells is not None or self.positions is not None


def parts_of(
    given: GivenParts, labels: Tensor, split: str | None, splitting: OwnSplit, where: object
) -> dict[str, Tensor]:
    """Return the parts that a file or the user gives, or draw them from each class.

    Args:
        given: What the file says.
        labels: Labels of the nodes, as in a `NodeDataset`.
        split: "given", "stratified" or "random"; by default given if the file has parts.
        splitting: How the user wants the nodes to be split.
        where: Where the graph was read, for messages.

    Raises:
        ValueError: If there are no parts to give, a word is not known, a part is missing, or parts overlap.
    """
    if splitting.valid is not None or splitting.test is not None:
        raise ValueError("valid and test name tables of molecules or bags; the parts of a graph are in split_column")
    try:
        if splitting.is_given:
            part = _of_user(given, splitting)
        elif split in (None, "given") and splitting.folds is None and given.exists:
            if given.positions is not None:
                return _checked(given.positions, where)
            part = _of_user(given, replace(splitting, split=None, split_column=given.column))
        elif split == "given":
            raise ValueError("split = 'given': there is no column 'split' and there are no masks")
        else:
            classes = _classes(labels).numpy()
            known = np.flatnonzero(classes >= 0)
            part = np.full(len(classes), -1)
            part[known] = splitting.draw(classes[known], FRACTIONS)
        part = splitting.with_valid(part, _classes(labels).numpy())
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    return _checked(parts_present(part), where)


def _of_user(given: GivenParts, splitting: OwnSplit) -> Ids:
    if splitting.split_file is not None:
        part = splitting.of_rows([given.rows], None)
        part = part if part is None or given.kept is None else part[given.kept]
    else:
        cells = None if given.cells is None else given.cells.to_pylist()
        part = splitting.of_rows([0 if cells is None else len(cells)], cells)
    if part is None:
        raise ValueError(f"there is no column {splitting.split_column!r}")
    return part


def _checked(parts: Mapping[str, Ids], where: object) -> dict[str, Tensor]:
    parts = {name: parts.get(name, np.empty(0, dtype=np.int64)) for name in PARTS}
    every, counts = np.unique(np.concatenate(list(parts.values())), return_counts=True)
    if (counts > 1).any():
        twice = every[counts > 1]
        raise ValueError(f"{where}: {len(twice)} nodes are in several parts; the first is node {int(twice[0])}")
    return {part: torch.from_numpy(np.ascontiguousarray(nodes)) for part, nodes in parts.items()}


def _classes(y: Tensor) -> Tensor:
    """Return a class per node: of several tasks, the rarest one for which it is positive; of numbers, the decile."""
    if y.dim() == 1:
        return y
    if holds_numbers(y):
        return torch.from_numpy(bag_classes(y.numpy()))
    positive = y == 1
    classes = torch.where(y.isnan().all(1), -1, 0)
    for task in positive.sum(0).argsort(descending=True, stable=True).tolist():
        classes[positive[:, task]] = task + 1
    return classes
