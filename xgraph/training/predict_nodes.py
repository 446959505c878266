"""Scores of runs on the nodes of a graph."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from xgraph.training.bars import data_progress
from xgraph.training.checkpoint import HEADER, check_same_data, load_model
from xgraph.training.config import build_config, registry
from xgraph.training.files import distinct
from xgraph.training.inference import as_scores
from xgraph.training.sources import Source

if TYPE_CHECKING:
    import pandas as pd

COLUMN = "node"


def predict_nodes(
    states: list[dict[str, Any]],
    paths: Sequence[Path],
    tasks: list[str],
    nodes: Sequence[Any] | str | Path | None,
    device: str,
    progress: bool,
) -> "pd.DataFrame":
    """Score nodes of the graph that runs were trained on, from all their neighbours.

    Args:
        states: The runs' checkpoints.
        paths: Where these are.
        tasks: Their tasks or classes.
        nodes: Node numbers, the path of a CSV file with a column `node`, or None for all.
        device: Where to compute.
        progress: Show progress on stderr, if that is a terminal.

    Returns:
        One row per node: `node`, the `predicted` class where classes exclude each other, and a score each.

    Raises:
        FileNotFoundError: If there is no such file.
        TypeError: If something is no node number.
        ValueError: If a node is not in the graph, or the graph is not what it was.
    """
    import pandas as pd

    scores, wanted, source = np.zeros(()), None, None
    for state, path in zip(states, paths, strict=True):
        source = _source(state, path, progress)
        if wanted is None:
            wanted = _positions(nodes, len(source), source.name)
        with data_progress(progress) as report:
            logits = source.score(load_model(state), torch.from_numpy(wanted), device=device, progress=report)
        scores = scores + as_scores(logits, registry("loss")[state[HEADER]["loss"]].link)  # type: ignore[attr-defined]
    if source is None or wanted is None:
        raise ValueError("run: expected at least one run, got none")
    frame = pd.DataFrame({COLUMN: source.data.row.numpy()[wanted]})
    if source.several_classes:
        frame["predicted"] = [tasks[i] for i in scores.argmax(axis=1)]
    for t, name in enumerate(distinct(tasks, taken=list(frame.columns))):
        frame[name] = scores[:, t] / len(states)
    return frame


def _source(state: dict[str, Any], path: Path, progress: bool) -> Source:
    """The data set of a run, as it was."""
    from xgraph.training.train import load_data

    source = load_data(build_config({}, state[HEADER]["config"]), progress)
    check_same_data(state[HEADER], source, path)
    return source


def _positions(nodes: Sequence[Any] | str | Path | None, num_nodes: int, name: str) -> npt.NDArray[np.int64]:
    if nodes is None:
        return np.arange(num_nodes)
    found = _read(Path(nodes)) if isinstance(nodes, str | Path) else np.asarray(nodes)
    if found.size == 0:
        return np.empty(0, dtype=np.int64)
    if found.dtype.kind not in "iu" or found.ndim != 1:
        raise TypeError(f"items: expected a list of node numbers, or a CSV file with a column {COLUMN!r} of them")
    wrong = found[(found < 0) | (found >= num_nodes)]
    if wrong.size:
        raise ValueError(f"items: {name!r} has the nodes 0 to {num_nodes - 1}, got {int(wrong[0])}")
    return found.astype(np.int64)


def _read(path: Path) -> npt.NDArray[Any]:
    import pandas as pd

    if not path.is_file():
        raise FileNotFoundError(f"items: no file {str(path)!r}; to score nodes by number, pass a list of them")
    table = pd.read_csv(path)
    if COLUMN not in table.columns:
        raise ValueError(f"items: {path} has no column {COLUMN!r} of node numbers")
    column: npt.NDArray[Any] = table[COLUMN].to_numpy()
    return column
