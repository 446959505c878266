"""Names of the columns that hold predictions."""

import warnings
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from xgraph.training.config.names import distinct

Scores = npt.NDArray[np.float64]


class More(Protocol):
    """Further columns, which are computed from the scores."""

    def names(self, scores: Sequence[str] | None = None) -> list[str]:
        """Return their names, after those of the scores."""

    def columns(self, scores: Scores) -> list[Any]:
        """Return their cells."""


class Names(NamedTuple):
    """Columns of predictions, in this order; those that a table does not get are None or empty.

    Args:
        predicted: The class with the highest score, for mutually exclusive classes.
        scores: The score of each task.
        spread: The standard deviation over the runs for each task.
        error: Why a row has no score.
        more: Names of further columns, before `error`.
        compute: What computes these.
    """

    predicted: str | None
    scores: list[str]
    spread: list[str]
    error: str | None
    more: list[str] = []  # noqa: RUF012 - never changed
    compute: More | None = None

    def columns(
        self, classes: Sequence[str], score: Scores, std: Scores | None, errors: list[str] | None
    ) -> dict[str, Any]:
        """Return the columns with these names; `score` and `std` have shape [n, T], with NaN for missing.

        A row whose score is not finite gets an error, in a column of its own if there is none for errors.
        """
        columns: dict[str, Any] = {}
        unscored = not_finite(classes, score)
        if self.predicted is not None:
            columns[self.predicted] = [
                None if np.isnan(row).all() else classes[int(np.nanargmax(row))] for row in score
            ]
        columns |= zip(self.scores, score.T, strict=True)
        if std is not None:
            columns |= zip(self.spread, std.T, strict=True)
        if self.compute is not None:
            columns |= zip(self.more, self.compute.columns(score), strict=True)
        if self.error is not None:
            columns[self.error] = [a or b for a, b in zip(errors or unscored, unscored, strict=True)]
        elif any(unscored):
            columns[distinct(["error"], list(columns))[0]] = unscored
        return columns


def not_finite(tasks: Sequence[str], score: Scores) -> list[str]:
    """Return an error message for each row with a score that is not finite, and an empty one for the others."""
    good = np.isfinite(score)
    if good.all():
        return [""] * len(score)
    return ["" if row.all() else f"the model's score for {tasks[int(row.argmin())]!r} is not finite" for row in good]


def short_names(
    tasks: Sequence[str],
    key: str,
    *,
    spread: bool = False,
    predicted: bool = False,
    error: bool = True,
    more: More | None = None,
) -> Names:
    """Return the names beside the column `key` alone: ``TASK``, ``TASK_std``, and those of `more`."""
    fixed = [key, *(["predicted"] if predicted else []), *(["error"] if error else [])]
    scores = distinct([f"{task}_score" if task in fixed else task for task in tasks], fixed)
    std = distinct([f"{name}_std" for name in scores], [*fixed, *scores]) if spread else []
    further = [] if more is None else distinct(more.names(scores), [*fixed, *scores, *std])
    return Names("predicted" if predicted else None, scores, std, "error" if error else None, further, more)


def long_names(
    tasks: Sequence[str],
    table: Iterable[str],
    *,
    spread: bool = False,
    predicted: bool = False,
    error: bool = True,
    more: More | None = None,
) -> Names:
    """Return the names beside the columns of a table: ``TASK_score``, ``TASK_std``, and those of `more`.

    They are numbered where one is taken.
    """
    taken, clashes = set(table), {}

    def free(*names: str) -> list[str]:
        """The names, or all with the first number with which none of them is taken."""
        number, chosen = 1, list(names)
        while any(name in taken for name in chosen):
            number += 1
            chosen = [f"{name}_{number}" for name in names]
        clashes.update({old: new for old, new in zip(names, chosen, strict=True) if old != new and old in taken})
        taken.update(chosen)
        return chosen

    best = free("predicted")[0] if predicted else None
    pairs = [free(f"{task}_score", *([f"{task}_std"] if spread else [])) for task in tasks]
    further = [] if more is None else free(*more.names())
    last = free("error")[0] if error else None
    if clashes:
        some = ", ".join(f"{old!r} ({new!r})" for old, new in list(clashes.items())[:5])
        others = f" and {len(clashes) - 5} more" if len(clashes) > 5 else ""
        warnings.warn(
            f"the input already has columns with the names of predictions, which are kept; in brackets the new ones: "
            f"{some}{others}",
            stacklevel=3,
        )
    return Names(best, [pair[0] for pair in pairs], [pair[1] for pair in pairs if spread], last, further, more)
