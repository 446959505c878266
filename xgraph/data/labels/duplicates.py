"""Rows of a table that are the same molecule: counted and named, and merged or left out on request."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xgraph.messages import shown

Duplicates = Literal["keep", "mean", "first", "drop", "error"]
WAYS: tuple[Duplicates, ...] = ("keep", "mean", "first", "drop", "error")


class DuplicateWarning(UserWarning):
    """Several rows of a table are the same molecule."""


class LabelledRows(NamedTuple):
    """Labelled rows of a table.

    Args:
        name: Name of the table, for messages.
        identity: Identifier of each row's molecule; "" if it cannot be read. Shape ``[n]``.
        y: Labels 0 and 1, or numbers, with NaN for missing. Shape ``[n, T]``.
        place: Returns where the row at a position is in the file, for messages.
        task_names: Names of the T tasks or classes.
        several_classes: Whether the columns of `y` are classes that exclude each other.
        part: Part of a split of one's own that each row is in; rows in different parts are not merged. Shape ``[n]``.
        numbers: Whether `y` holds numbers to predict.
    """

    name: str
    identity: Sequence[str]
    y: NDArray[np.float32]
    place: Callable[[int], str]
    task_names: Sequence[str]
    several_classes: bool = False
    part: NDArray[np.int64] | None = None
    numbers: bool = False


def resolve_duplicates(rows: LabelledRows, how: Duplicates) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the positions of the rows to use, and their labels.

    Args:
        rows: The rows.
        how: ``"keep"`` uses all rows. ``"first"`` uses the first row of each molecule. ``"mean"`` uses one row for each
            molecule, with the label of most of its rows, missing if as many say 0 as 1, or with the mean of its
            numbers. ``"drop"`` leaves out molecules whose rows contradict each other, or have different numbers.
            ``"error"`` refuses repeated molecules.

    Raises:
        ValueError: If `how` is unknown, or is ``"error"`` and a molecule is repeated.

    Warns:
        DuplicateWarning: If a molecule is repeated.
    """
    if how not in WAYS:
        raise ValueError(f"duplicates must be one of {', '.join(WAYS)}, got {how!r}")
    molecule = _numbers(rows)
    first, count = np.unique(molecule, return_index=True, return_counts=True)[1:]
    every = np.arange(len(molecule))
    if (count == 1).all():
        return every, rows.y
    again = count[molecule] > 1  # rows of repeated molecules
    votes, known = np.zeros((2, len(count), rows.y.shape[1]), dtype=np.int64)
    np.add.at(votes, molecule[again], rows.y[again] == 1)
    np.add.at(known, molecule[again], ~np.isnan(rows.y[again]))
    spread = _spread(rows.y[again], molecule[again], len(count)) if rows.numbers else None
    opposite: NDArray[np.bool_] = (votes > 0) & (votes < known) if spread is None else spread > 0
    text = _described(rows, molecule, first, count, opposite, spread)
    if how == "error":
        raise ValueError(f"{text}; duplicates = 'error' refuses them")
    kept, y, done = every, rows.y, "all rows are kept; to merge or leave them out, set duplicates (--duplicates)"
    if how == "first":
        kept, done = np.sort(first), "the first row of each is kept"
    elif how == "drop":
        contradictory: NDArray[np.bool_] = np.any(opposite, axis=1)
        kept = every[~contradictory[molecule]]
        what = "opposite labels" if spread is None else "different numbers"
        done = f"{len(every) - len(kept)} rows with {what} are left out"
    elif how == "mean" and spread is not None:
        kept, y = np.sort(first), rows.y.copy()
        total = np.zeros(known.shape)
        np.add.at(total, molecule[again], np.nan_to_num(rows.y[again], nan=0.0))
        merged = np.flatnonzero(count > 1)
        mean = total[merged] / np.maximum(known[merged], 1)
        y[first[merged]] = np.where(known[merged] > 0, mean, np.nan)
        done = "each is one row, with the mean of its numbers"
    elif how == "mean":
        kept, y = np.sort(first), rows.y.copy()
        merged = np.flatnonzero(count > 1)
        y[first[merged]], ties = _majority(votes[merged], known[merged], rows.several_classes)
        done = "each is one row, with the label of most of its rows"
        done += f"; {ties} labels with as many votes for as against are missing" if ties else ""
    warnings.warn(f"{text}; {done}", DuplicateWarning, stacklevel=4)
    return kept, y[kept]


def _numbers(rows: LabelledRows) -> NDArray[np.int64]:
    """Number the molecules; rows in different parts, and those that cannot be read, have numbers of their own."""
    part = [0] * len(rows.identity) if rows.part is None else rows.part.tolist()
    number: dict[tuple[str, int], int] = {}
    keys = ((text, part[i]) if text else ("", -2 - i) for i, text in enumerate(rows.identity))
    return np.array([number.setdefault(key, len(number)) for key in keys], dtype=np.int64)


def _spread(y: NDArray[np.float32], molecule: NDArray[np.int64], molecules: int) -> NDArray[np.float64]:
    """Return the difference of the largest and the smallest number of each molecule and task; 0 for none."""
    low, high = np.full((2, molecules, y.shape[1]), np.inf)
    np.minimum.at(low, molecule, np.nan_to_num(y.astype(np.float64), nan=np.inf))
    np.minimum.at(high, molecule, np.nan_to_num(-y.astype(np.float64), nan=np.inf))  # of the negative numbers
    return np.where(np.isfinite(low), -high - low, 0)


def _majority(
    votes: NDArray[np.int64], known: NDArray[np.int64], several_classes: bool
) -> tuple[NDArray[np.float32], int]:
    """Return the label that most rows have, NaN if there is none, and the number of ties."""
    if several_classes:
        best = votes == votes.max(axis=1, keepdims=True)
        tie = (best.sum(axis=1) > 1) & (known > 0).any(axis=1)
        y = np.where((tie | ~(known > 0).any(axis=1))[:, None], np.nan, best)
        return y.astype(np.float32), int(tie.sum())
    tie = (2 * votes == known) & (known > 0)
    y = np.where(tie | (known == 0), np.nan, 2 * votes > known)
    return y.astype(np.float32), int(tie.sum())


def _described(
    rows: LabelledRows,
    molecule: NDArray[np.int64],
    first: NDArray[np.int64],
    count: NDArray[np.int64],
    opposite: NDArray[np.bool_],
    spread: NDArray[np.float64] | None,
) -> str:
    """Count repeated molecules and those with opposite labels or different numbers, with the first example of each."""
    repeated = np.flatnonzero(count > 1)
    one = repeated[first[repeated].argmin()]
    own = np.flatnonzero(molecule == one).tolist()
    many = f"{len(repeated)} molecules are" if len(repeated) > 1 else "1 molecule is"
    further = int(count[repeated].sum() - len(repeated))
    text = (
        f"{rows.name}: {many} repeated in {further} further row{'s' * (further > 1)}, such as "
        f"{shown(rows.identity[first[one]])} in rows {rows.place(own[0])} and {rows.place(own[1])}"
    )
    contradictory = np.flatnonzero(opposite.any(axis=1))
    if not len(contradictory):
        return f"{text}; none has {'opposite labels' if spread is None else 'different numbers'}"
    if spread is not None:
        return f"{text}; {_of_spread(rows, molecule, contradictory, spread)}"
    one = contradictory[first[contradictory].argmin()]
    task = int(opposite[one].argmax())
    own = np.flatnonzero(molecule == one).tolist()
    no, yes = (next(i for i in own if rows.y[i, task] == value) for value in (0, 1))
    if rows.several_classes:
        other = rows.task_names[int(np.nanargmax(rows.y[no]))]
        labels = f"{rows.task_names[task]} in row {rows.place(yes)}, {other} in row {rows.place(no)}"
    else:
        labels = f"{rows.task_names[task]} is 1 in row {rows.place(yes)} and 0 in row {rows.place(no)}"
    return f"{text}; {len(contradictory)} with opposite labels, such as {shown(rows.identity[first[one]])}: {labels}"


def _of_spread(
    rows: LabelledRows, molecule: NDArray[np.int64], differ: NDArray[np.int64], spread: NDArray[np.float64]
) -> str:
    """Say how far the numbers of the same molecule are apart, with the molecule where it is most."""
    one, task = divmod(int(spread.argmax()), spread.shape[1])
    own = np.flatnonzero((molecule == one) & ~np.isnan(rows.y[:, task]))
    low, high = int(own[rows.y[own, task].argmin()]), int(own[rows.y[own, task].argmax()])
    numbers = f"{rows.task_names[task]} is {rows.y[low, task]:.4g} in row {rows.place(low)} and "
    numbers += f"{rows.y[high, task]:.4g} in row {rows.place(high)}"
    most = f"such as {shown(rows.identity[low])}: {numbers}"
    if len(differ) == 1:
        return f"1 with different numbers, {most}"
    median = np.median(spread[differ].max(axis=1))
    return (
        f"{len(differ)} with different numbers (spread in the median {median:.3g}, at most {spread.max():.3g}), {most}"
    )
