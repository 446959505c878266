"""What the sections on single items have in common: which items they show, and the data that they read again."""

import warnings
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from xgraph.reports.measures.names import PARTS
from xgraph.reports.page.blocks import LeftOut
from xgraph.reports.predictions import Scores
from xgraph.reports.source import Source
from xgraph.training.files.checkpoint import HEADER, read_checkpoint
from xgraph.training.files.rundir import BEST

TOP = 12
"""Number of items with the highest scores, and of errors."""

Values = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]


class Items(NamedTuple):
    """The items of a part, with their labels and scores in the task with most positives.

    Args:
        source: The run of the report.
        own: The run that is shown: itself, or its first fold or seed.
        part: The test part, or the validation part if there is none.
        scores: The predictions of the part.
        task: Number of the task.
    """

    source: Source
    own: Source
    part: str
    scores: Scores
    task: int

    @classmethod
    def of(cls, source: Source, kind: str, what: str) -> "Items | None":
        """Return the items of a run; None for a run of another kind, or without predictions.

        Args:
            source: The run.
            kind: What it must predict for: "graph", "node" or "bag".
            what: What a run without predictions leaves out.
        """
        if source.is_encoder or source.kind != kind:
            return None
        own = source.first
        part = "test" if "test" in own.parts else "valid"
        scores = own.scores(part)
        if scores is None:
            source.left_out.append(LeftOut(what, "the run has no predictions"))
            return None
        counted = ~np.isnan(scores.labels) if source.predicts_numbers else scores.labels == 1
        return cls(source, own, part, scores, int(np.nansum(counted, axis=0).argmax()))

    @property
    def labels(self) -> Values:
        """Labels in the task, NaN for missing; shape ``[N]``."""
        return self.scores.labels[:, self.task]

    @property
    def values(self) -> Values:
        """Scores in the task, shape ``[N]``."""
        return self.scores.scores[:, self.task]

    @property
    def which(self) -> str:
        """Which task is shown, as the end of a sentence; empty for a single task."""
        tasks = self.own.tasks
        most = "numbers" if self.source.predicts_numbers else "positives"
        return "" if len(tasks) == 1 else f" Task: {tasks[self.task]}, the one with most {most}."

    @property
    def word(self) -> str:
        """What the values are called: scores, or predictions of numbers."""
        return "prediction" if self.source.predicts_numbers else "score"

    @property
    def note(self) -> str:
        """Which part is shown, and of which fold or seed."""
        member = f", {self.own.path.name}" if self.own is not self.source else ""
        return f"{PARTS[self.part].capitalize()} part{member}"

    def known(self, position: int) -> str:
        """Return the label of an item in words."""
        label = self.labels[position]
        if self.source.predicts_numbers and not np.isnan(label):
            return f"measured {label:.4g}"
        return "no label" if np.isnan(label) else ("positive" if label == 1 else "negative")

    def choose(self) -> tuple[Positions, Positions]:
        """Return the positions of the highest scores, and of the worst errors, as `choose` does."""
        if self.source.predicts_numbers:
            errors = np.nan_to_num(np.abs(self.values - self.labels), nan=-1.0)
            worst = np.argsort(-errors, kind="stable")[:TOP]
            return np.argsort(-self.values, kind="stable")[:TOP], worst[errors[worst] >= 0]
        return choose(self.labels, self.values)


def choose(labels: Values, scores: Values) -> tuple[Positions, Positions]:
    """Return the positions of the highest scores, and of the worst errors, half of them negatives if possible.

    Ranks are compared, not differences, since scores after a ranking loss are no probabilities.
    """
    order = np.argsort(-scores, kind="stable")
    above = order[labels[order] == 0][: TOP // 2]
    below = order[labels[order] == 1][::-1][: TOP - len(above)]
    return order[:TOP], np.concatenate([above, below])


def evenly(count: int, most: int) -> Positions:
    """Return positions that are evenly spaced, at most `most` of `count`."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


def binned(x: Values, y: Values, bins: int = 10) -> tuple[Values, Values]:
    """Return the means of x and y in bins with about as many items each, in order of x."""
    groups = np.array_split(np.argsort(x, kind="stable"), min(bins, len(x)))
    return np.array([x[rows].mean() for rows in groups]), np.array([y[rows].mean() for rows in groups])


def read_again(own: Source, most: int, noun: str) -> tuple[dict[str, Any], Any]:
    """Return the best checkpoint of a run and its data, with the warnings left out that were given in training.

    Raises:
        ValueError: If the data have more than `most` items.
    """
    from xgraph.training.prediction.own_data import own_source

    path = own.path / BEST
    state: dict[str, Any] = read_checkpoint(path)
    count = state[HEADER]["num_items"]
    if count > most:
        raise ValueError(f"the data set has {count:,} {noun}, and at most {most:,} are read again")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return state, own_source(state, path, False)
