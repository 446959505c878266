"""Explanations as tables."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from xgraph.messages import listed
from xgraph.options import OptionError

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("smiles", "task", "score", "part", "atom", "other", "name", "attribution", "total", "error")


LOG_ODDS, SCORE, TARGET = "log-odds", "score", "the units of the target"
"""What attributions are measured in: of labels, of the labels that forests predict, and of numbers."""


def unit_of(link: str, model: Any = None) -> str:
    """Return the unit of attributions to the output of a model.

    Args:
        link: What turns the model's outputs into scores: "sigmoid", "softmax", or "identity" for numbers.
        model: The model; those of trees are explained by their scores.
    """
    if link == "identity":
        return TARGET
    return LOG_ODDS if getattr(model, "trees", None) is None else SCORE


class Table(NamedTuple):
    """Explanations: a table, the method, and what the attributions add up to."""

    frame: "pd.DataFrame"
    method: str
    unit: str
    note: str = ""


def molecule_frame(rows: list[dict[str, Any]]) -> "pd.DataFrame":
    """Return the table of an explanation of molecules."""
    import pandas as pd

    frame = pd.DataFrame(rows, columns=["item", *COLUMNS])
    for name in ("item", "atom", "other"):
        frame[name] = frame[name].astype("Int64")
    for name in ("score", "attribution", "total"):
        frame[name] = frame[name].astype(float)
    for name in ("smiles", "part", "name", "error"):
        frame[name] = frame[name].astype(object).fillna("")
    return frame


def check_tasks(tasks: Sequence[str], task: str | Sequence[str] | None) -> list[int]:
    """Return the numbers of tasks by name; all by default.

    Raises:
        OptionError: If a task does not exist.
    """
    from xgraph.options import nearest

    names = list(tasks) if task is None else [task] if isinstance(task, str) else list(task)
    for name in names:
        if name not in tasks:
            raise OptionError(f"task = {name!r}: expected one of {listed(tasks, 10)}{nearest(name, tasks)}")
    return [list(tasks).index(name) for name in names]
