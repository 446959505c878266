"""Predictions of runs for the nodes of a graph."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from xgraph.messages import shown
from xgraph.training.files.saved_model import load_model, loss_link
from xgraph.training.fit.bars import data_progress
from xgraph.training.prediction.ensemble import Ensemble
from xgraph.training.prediction.members import Members, checked_path, spread_rows
from xgraph.training.scoring.inference import as_scores

if TYPE_CHECKING:
    import pandas as pd

COLUMN = "node"
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_BLANK = -1
"""Marks a row of a file that has no node number."""


def predict_nodes(members: Members, nodes: Sequence[Any] | str | Path | None, combine: str) -> "pd.DataFrame":
    """Score nodes of the graph that runs were trained on, using all neighbours."""
    import pandas as pd

    ensemble, filled = Ensemble(combine), np.zeros(0, dtype=bool)
    for state, source in zip(members.states, members.own_sources("graph", "nodes"), strict=True):
        if not ensemble.members:
            numbers = _positions(nodes, len(source), source.name)
            filled = numbers != _BLANK
            index = torch.from_numpy(numbers[filled])
            ensemble = Ensemble(combine, several_classes=source.several_classes)
        with data_progress(members.progress) as report:
            logits = source.score(load_model(state), index, device=members.device, progress=report)
        ensemble.add(as_scores(logits, loss_link(state)))
    columns: dict[str, Any] = {COLUMN: source.data.row.numpy()[index.numpy()]}
    if source.several_classes:
        columns["predicted"] = ensemble.best(members.tasks)
    frame = pd.DataFrame(columns | ensemble.columns(members.tasks, columns))
    if not filled.all():
        frame = frame.astype({COLUMN: "Int64"})  # nullable, and not written as 4.0
    return spread_rows(frame, filled)


def _positions(nodes: Sequence[Any] | str | Path | None, num_nodes: int, name: str) -> npt.NDArray[np.int64]:
    if nodes is None:
        return np.arange(num_nodes)
    if isinstance(nodes, str | Path):
        return _read(Path(nodes), num_nodes, name)
    numbers = np.asarray(nodes)
    if numbers.size == 0:
        return np.empty(0, dtype=np.int64)
    if numbers.dtype.kind not in "iu" or numbers.ndim != 1:
        raise TypeError(f"items: expected a list of node numbers, or a CSV file with a column {COLUMN!r} of them")
    wrong = numbers[(numbers < 0) | (numbers >= num_nodes)]
    if wrong.size:
        raise ValueError(f"items: {name!r} has nodes 0 to {num_nodes - 1}, got {int(wrong[0])}")
    return numbers.astype(np.int64)


def _read(path: Path, num_nodes: int, name: str) -> npt.NDArray[np.int64]:
    """Read the node numbers in a file, one per row; `_BLANK` where there is none."""
    from xgraph.data.tables.read import read_columns

    try:
        columns = read_columns(checked_path(path, "items", "nodes by number"))
    except ValueError as error:
        raise ValueError(f"items: {error}") from None
    if COLUMN not in columns:
        raise ValueError(f"items: {path} has no column {COLUMN!r} with node numbers; it has: {', '.join(columns)}")
    numbers = np.full(len(columns[COLUMN]), _BLANK, dtype=np.int64)
    for row, cell in enumerate(text.strip() for text in columns[COLUMN]):
        if not cell:
            continue
        if not _NUMBER.fullmatch(cell):
            raise ValueError(f"items: {path}, row {row}: expected a node number, got {shown(cell)}")
        if not 0 <= int(cell) < num_nodes:
            raise ValueError(f"items: {path}, row {row}: {name!r} has nodes 0 to {num_nodes - 1}, got {cell}")
        numbers[row] = int(cell)
    return numbers
