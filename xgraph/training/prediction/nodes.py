"""Predictions of runs for the nodes of a graph."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from xgraph.data.tables.dialect import TextFormat
from xgraph.messages import listed, shown
from xgraph.nn import InEdges, layerwise
from xgraph.options import OptionError
from xgraph.training.files.saved_model import load_model, loss_link
from xgraph.training.fit.bars import data_progress
from xgraph.training.prediction.members import Members, checked_path, spread_rows
from xgraph.training.prediction.new_nodes import graph_form, read_nodes_to_score
from xgraph.training.prediction.objects import as_graph
from xgraph.training.prediction.output.names import short_names
from xgraph.training.scoring.ensemble import Ensemble
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
    chosen: Sequence[Any] | None = None,
) -> "pd.DataFrame":
    """Score nodes of the graph that runs were trained on, or of another one, using all neighbours."""
    form = graph_form(nodes)
    if form is not None:
        how = TextFormat(separator, encoding)
        new = read_nodes_to_score(members, Path(nodes).expanduser(), form, chosen, how)  # type: ignore[arg-type]
        return _of_graph(members, new.x, new.edge_index, combine, new.names, new.rows)
    if chosen is not None and nodes is not None:
        raise OptionError("nodes: this option chooses nodes of a graph, but the items are not a graph in a file")
    nodes = nodes if chosen is None else chosen
    given = as_graph(nodes, int(members.header["model_arguments"]["in_channels"]))
    if given is not None:
        return _of_graph(members, *given, combine)
    ensemble, filled = Ensemble(combine), np.zeros(0, dtype=bool)
    for state, source in zip(members.states, members.own_sources("graph", "nodes"), strict=True):
        if not ensemble.members:
            numbers = positions(nodes, source.data, separator=separator, encoding=encoding)
            filled = numbers != _BLANK
            index = torch.from_numpy(numbers[filled])
            ensemble = Ensemble(combine, **members.kinds)
        with data_progress(members.progress) as report:
            logits = source.score(load_model(state), index, device=members.device, progress=report)
        ensemble.add(as_scores(logits, loss_link(state)))
    frame = _table(members, ensemble, names_of(source.data, index.numpy()), source.several_classes)
    if not filled.all() and source.data.ids is None:
        frame = frame.astype({COLUMN: "Int64"})  # nullable, and not written as 4.0
    return spread_rows(frame, filled)


def _of_graph(
    members: Members,
    x: Tensor,
    edge_index: Tensor,
    combine: str,
    names: Sequence[Any] | None = None,
    rows: Tensor | None = None,
) -> "pd.DataFrame":
    """Score nodes of a graph in memory, by default all, which need not be that of the runs."""
    ensemble = Ensemble(combine, **members.kinds)
    edges = InEdges.from_edge_index(edge_index, len(x))
    for state in members.states:
        model: Any = load_model(state).to(members.device)
        with data_progress(members.progress) as report:
            logits = layerwise(model, x, edges, rows, progress=report).double().cpu().numpy()
        ensemble.add(as_scores(logits, loss_link(state)))
    return _table(members, ensemble, range(len(x)) if names is None else names, members.several_classes)


def _table(members: Members, ensemble: Ensemble, nodes: Sequence[Any], several_classes: bool) -> "pd.DataFrame":
    import pandas as pd

    several = len(members.states) > 1
    kinds = {"spread": several, "predicted": several_classes, "error": False}
    names = short_names(members.tasks, COLUMN, **kinds, more=members.uncertainty)
    return pd.DataFrame({COLUMN: nodes, **names.columns(members.tasks, ensemble.score, ensemble.std, None)})


def positions(
    nodes: Sequence[Any] | str | Path | None,
    data: Any,
    *,
    separator: str | None = None,
    encoding: str | None = None,
) -> npt.NDArray[np.int64]:
    """Return the positions of nodes in a `NodeDataset`; -1 for a row of a file that names none."""
    num_nodes, name = len(data), data.name
    if nodes is None:
        return np.arange(num_nodes)
    if isinstance(nodes, str | Path):
        return _read(Path(nodes), data, separator, encoding)
    numbers = np.asarray(nodes)
    if numbers.size == 0:
        return np.empty(0, dtype=np.int64)
    if data.ids is not None:
        return _of_names([str(node) for node in nodes], data, "items")
    if numbers.dtype.kind not in "iu" or numbers.ndim != 1:
        raise TypeError(f"items: expected a list of node numbers, or a CSV file with a column {COLUMN!r} of them")
    wrong = numbers[(numbers < 0) | (numbers >= num_nodes)]
    if wrong.size:
        raise ValueError(f"items: {name!r} has nodes 0 to {num_nodes - 1}, got {int(wrong[0])}")
    return numbers.astype(np.int64)


def names_of(data: Any, index: npt.NDArray[np.int64]) -> Sequence[Any]:
    """Return the names of nodes at some positions, or their numbers in their source."""
    numbers: Sequence[Any] = data.row.numpy()[index]
    return numbers if data.ids is None else [data.ids[i] for i in index.tolist()]


def _of_names(names: Sequence[str], data: Any, where: str) -> npt.NDArray[np.int64]:
    """Return the positions of nodes by name; `_BLANK` for an empty one."""
    known = data.positions
    unknown = [name for name in names if name and name not in known]
    if unknown:
        raise ValueError(
            f"{where}: {len(unknown)} of {len(names)} nodes are not in the graph {data.name!r}: {listed(unknown, 5)}; "
            "for new nodes, give a folder with nodes.csv and edges.csv"
        )
    return np.array([known[name] if name else _BLANK for name in names], dtype=np.int64)


def _read(path: Path, data: Any, separator: str | None, encoding: str | None) -> npt.NDArray[np.int64]:
    """Read the nodes in a file, one per row; `_BLANK` where there is none."""
    num_nodes, name = len(data), data.name
    from xgraph.data.tables.read import read_columns

    try:
        path = checked_path(path, "items", "nodes by number")
        columns = read_columns(path, separator=separator, encoding=encoding, allow_empty=True)
    except ValueError as error:
        raise ValueError(f"items: {error}") from None
    if data.ids is not None:
        column = COLUMN if COLUMN in columns else "id"
        if column not in columns:
            raise ValueError(f"items: {path} has no column {COLUMN!r} or 'id'; it has: {listed(columns)}")
        return _of_names([cell.strip() for cell in columns[column]], data, f"items: {path}")
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
