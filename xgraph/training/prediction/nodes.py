"""Scores of runs on the nodes of a graph."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from xgraph.training.files.saved_model import load_model, loss_link
from xgraph.training.fit.bars import data_progress
from xgraph.training.prediction.ensemble import Ensemble
from xgraph.training.prediction.own_data import check_same_items, own_source
from xgraph.training.scoring.inference import as_scores

if TYPE_CHECKING:
    import pandas as pd

COLUMN = "node"
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_BLANK = -1
"""Stands for a row of a file without a node number."""


def predict_nodes(
    states: list[dict[str, Any]],
    paths: Sequence[Path],
    tasks: list[str],
    nodes: Sequence[Any] | str | Path | None,
    device: str,
    combine: str,
    progress: bool,
) -> "pd.DataFrame":
    """Score nodes of the graph that runs were trained on, from all their neighbours."""
    import pandas as pd

    check_same_items(states, paths, "graph", "nodes")
    ensemble, wanted, source = Ensemble(combine), None, None
    for state, path in zip(states, paths, strict=True):
        source = own_source(state, path, progress)
        if wanted is None:
            wanted = _positions(nodes, len(source), source.name)
            there = torch.from_numpy(wanted[wanted != _BLANK])
            ensemble = Ensemble(combine, several_classes=source.several_classes)
        with data_progress(progress) as report:
            logits = source.score(load_model(state), there, device=device, progress=report)
        ensemble.add(as_scores(logits, loss_link(state)))
    if source is None or wanted is None:
        raise ValueError("run: expected at least one run, got none")
    frame = pd.DataFrame({COLUMN: source.data.row.numpy()[there.numpy()]})
    if source.several_classes:
        frame["predicted"] = [tasks[i] for i in ensemble.score.argmax(axis=1)]
    for name, values in ensemble.columns(tasks, list(frame.columns)).items():
        frame[name] = values
    if len(frame) < len(wanted):
        frame = frame.astype({COLUMN: "Int64"})  # which can be missing, and is not written as 4.0
        frame = frame.set_axis(np.flatnonzero(wanted != _BLANK)).reindex(range(len(wanted)))
    return frame


def _positions(nodes: Sequence[Any] | str | Path | None, num_nodes: int, name: str) -> npt.NDArray[np.int64]:
    if nodes is None:
        return np.arange(num_nodes)
    if isinstance(nodes, str | Path):
        return _read(Path(nodes), num_nodes, name)
    found = np.asarray(nodes)
    if found.size == 0:
        return np.empty(0, dtype=np.int64)
    if found.dtype.kind not in "iu" or found.ndim != 1:
        raise TypeError(f"items: expected a list of node numbers, or a CSV file with a column {COLUMN!r} of them")
    wrong = found[(found < 0) | (found >= num_nodes)]
    if wrong.size:
        raise ValueError(f"items: {name!r} has the nodes 0 to {num_nodes - 1}, got {int(wrong[0])}")
    return found.astype(np.int64)


def _read(path: Path, num_nodes: int, name: str) -> npt.NDArray[np.int64]:
    """The node numbers in a file, one for each row; `_BLANK` where there is none."""
    from xgraph.data.storage.columns import read_columns

    if not path.is_file():
        raise FileNotFoundError(f"items: no file {str(path)!r}; to score nodes by number, pass a list of them")
    try:
        columns = read_columns(path)
    except ValueError as error:
        raise ValueError(f"items: {error}") from None
    if COLUMN not in columns:
        raise ValueError(f"items: {path} has no column {COLUMN!r} of node numbers")
    found = np.full(len(columns[COLUMN]), _BLANK, dtype=np.int64)
    for row, cell in enumerate(text.strip() for text in columns[COLUMN]):
        if not cell:
            continue
        if not _NUMBER.fullmatch(cell):
            raise ValueError(f"items: {path}, row {row}: expected a node number, got {cell!r}")
        if not 0 <= int(cell) < num_nodes:
            raise ValueError(f"items: {path}, row {row}: {name!r} has the nodes 0 to {num_nodes - 1}, got {cell}")
        found[row] = int(cell)
    return found
