"""The rules by which cells become labels, as far as the user sets them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

MISSING = frozenset({"", "nan", "na", "n/a", "none", "null", "<na>"})
"""Cells without a value, in any case."""

NOTHING = "none"
"""The word in `LabelRules.missing` that says that no further cell is missing: −1 then means inactive."""


@dataclass(frozen=True)
class LabelRules:
    """How the cells of label columns are read.

    Args:
        missing: Further cells that mean a missing label, such as -1. Numbers are compared as numbers, text in any case.
            The word none says that there is no further one.
        positive: The cell that means active; all other cells of a column that holds it mean inactive.
        active_above: Numbers above this threshold mean active, others inactive.
        active_below: Numbers below this threshold mean active, others inactive. With both thresholds, numbers between
            them mean active.
        task: With multiclass, one column holds classes that exclude each other: words or integers. With regression,
            columns hold numbers to predict. With binary, numbers are refused unless there is a threshold. By default,
            columns that hold numbers are predicted as such if there are no others with labels.
        weight_column: Column with the weight of each row in the loss, a number of 0 or more; it is no label.
        fair_column: Column with the group of each row, for which error rates are compared; it is no label.

    Raises:
        ValueError: If a threshold is not finite or the upper one is not above the lower one, or a word is empty.

    Example:
        >>> LabelRules(missing=("-1",)).is_missing("-1.0"), LabelRules().is_missing("NaN")
        (True, True)
    """

    missing: Sequence[str] = ()
    positive: str | None = None
    active_above: float | None = None
    active_below: float | None = None
    task: Literal["binary", "multiclass", "regression"] | None = None
    weight_column: str | None = None
    fair_column: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.missing, str):
            raise TypeError(f"missing must be a list of cells, got the string {self.missing!r}")
        if self.positive is not None and not self.positive.strip():
            raise ValueError("positive must be the cell that means active, got an empty one")
        for name, value in (("active_above", self.active_above), ("active_below", self.active_below)):
            if value is not None and not math.isfinite(value):
                raise ValueError(f"{name} must be a finite number, got {value}")
        low, high = self.active_above, self.active_below
        if low is not None and high is not None and low >= high:
            raise ValueError(
                f"active_above must be less than active_below, as numbers between them are active; got {low:g} and "
                f"{high:g}"
            )
        if self.positive is not None and self.has_threshold:
            raise ValueError("positive cannot be used with active_above or active_below: give a word or a threshold")
        if self.task not in (None, "binary") and (self.positive is not None or self.has_threshold):
            raise ValueError(f"task {self.task}: positive, active_above and active_below are for labels 0 and 1")

    @property
    def has_threshold(self) -> bool:
        """Whether numbers are compared with a threshold."""
        return self.active_above is not None or self.active_below is not None

    @property
    def threshold(self) -> str:
        """The threshold in words."""
        if self.active_above is not None and self.active_below is not None:
            return f"between {self.active_above:g} and {self.active_below:g}"
        return f"above {self.active_above:g}" if self.active_above is not None else f"below {self.active_below:g}"

    @cached_property
    def explains_minus_one(self) -> bool:
        """Whether the user says that −1 is no missing label."""
        return any(str(word).strip().lower() == NOTHING for word in self.missing)

    def is_missing(self, cell: str) -> bool:
        """Whether a cell holds no label."""
        return cell.strip().lower() in MISSING or any(same_cell(cell, str(word)) for word in self.missing)


def same_cell(cell: str, word: str) -> bool:
    """Whether two cells are the same number, or the same text in any case."""
    one, other = cell.strip().lower(), word.strip().lower()
    if one == other:
        return True
    try:
        return float(one) == float(other)
    except ValueError:
        return False
