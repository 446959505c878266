"""Predictions of runs for the nodes of a graph."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from xgraph.messages import shown
from xgraph.nn import InEdges, layerwise
from xgraph.training.files.saved_model import load_model, loss_link
from xgraph.training.fit.bars import data_progress
from xgraph.training.prediction.ensemble import Ensemble
from xgraph.training.prediction.members import Members, checked_path, spread_rows
from xgraph.training.prediction.objects import as_graph
from xgraph.training.prediction.output.names import short_names
from xgraph.training.scoring.inference import as_scores

if TYPE_CHECKING:
    import pandas as pd

COLUMN = "node"
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_BLANK = -1
"""Marks a row of a file that has no node number."""


def predict_nodes(
    members: Members,
    nodes: Sequence[Any] | str | Path | None,
    combine: str,
    *,
    separator: str | None = None,
    encoding: str | None = None,
) -> "pd.DataFrame":
    """Score nodes of the graph that runs were trained on, using all neighbours."""
    given = as_graph(nodes, int(members.header["model_arguments"]["in_channels"]))
    if given is not None:
        return _of_graph(members, *given, combine)
    ensemble, filled = Ensemble(combine), np.zeros(0, dtype=bool)
    for state, source in zip(members.states, members.own_sources("graph", "nodes"), strict=True):
        if not ensemble.members:
            numbers = positions(nodes, len(source), source.name, separator=separator, encoding=encoding)
            filled = numbers != _BLANK
            index = torch.from_numpy(numbers[filled])
            ensemble = Ensemble(combine, several_classes=source.several_classes)
        with data_progress(members.progress) as report:
            logits = source.score(load_model(state), index, device=members.device, progress=report)
        ensemble.add(as_scores(logits, loss_link(state)))
    frame = _table(members, ensemble, source.data.row.numpy()[index.numpy()], source.several_classes)
    if not filled.all():
        frame = frame.astype({COLUMN: "Int64"})  # nullable, and not written as 4.0
    return spread_rows(frame, filled)


def _of_graph(members: Members, x: Tensor, edge_index: Tensor, combine: str) -> "pd.DataFrame":
    """Score all nodes of a graph in memory, which need not be that of the runs."""
    ensemble = Ensemble(combine, several_classes=members.several_classes)
    edges = InEdges.from_edge_index(edge_index, len(x))
    for state in members.states:
        model: Any = load_model(state).to(members.device)
        with data_progress(members.progress) as report:
            logits = layerwise(model, x, edges, progress=report).double().cpu().numpy()
        ensemble.add(as_scores(logits, loss_link(state)))
    return _table(members, ensemble, np.arange(len(x)), members.several_classes)


def _table(members: Members, ensemble: Ensemble, nodes: npt.NDArray[np.int64], several_classes: bool) -> "pd.DataFrame":
    import pandas as pd

    several = len(members.states) > 1
    names = short_names(members.tasks, COLUMN, spread=several, predicted=several_classes, error=False)
    return pd.DataFrame({COLUMN: nodes, **names.columns(members.tasks, ensemble.score, ensemble.std, None)})


def positions(
    nodes: Sequence[Any] | str | Path | None,
    num_nodes: int,
    name: str,
    *,
    separator: str | None = None,
    encoding: str | None = None,
) -> npt.NDArray[np.int64]:
    """Return node numbers; -1 for a row of a file that has none."""
    if nodes is None:
        return np.arange(num_nodes)
    if isinstance(nodes, str | Path):
        return _read(Path(nodes), num_nodes, name, separator, encoding)
    numbers = np.asarray(nodes)
    if numbers.size == 0:
        return np.empty(0, dtype=np.int64)
    if numbers.dtype.kind not in "iu" or numbers.ndim != 1:
        raise TypeError(f"items: expected a list of node numbers, or a CSV file with a column {COLUMN!r} of them")
    wrong = numbers[(numbers < 0) | (numbers >= num_nodes)]
    if wrong.size:
        raise ValueError(f"items: {name!r} has nodes 0 to {num_nodes - 1}, got {int(wrong[0])}")
    return numbers.astype(np.int64)


def _read(path: Path, num_nodes: int, name: str, separator: str | None, encoding: str | None) -> npt.NDArray[np.int64]:
    """Read the node numbers in a file, one per row; `_BLANK` where there is none."""
    from xgraph.data.tables.read import read_columns

    try:
        path = checked_path(path, "items", "nodes by number")
        columns = read_columns(path, separator=separator, encoding=encoding, allow_empty=True)
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
