"""One column of cells as labels, or why it does not hold labels."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xgraph.data.labels.rules import MISSING, LabelRules, same_cell
from xgraph.messages import listed, shown

POSITIVE = frozenset(["1", "active", "yes", "positive", "pos", "true", "y", "t"])
NEGATIVE = frozenset(["0", "inactive", "no", "negative", "neg", "false", "n", "f"])
_MANY = 100  # different numbers, which are taken to be measured without a further look
_SAMPLE = 1000  # cells by which a column with some text is called one of numbers
FEW = 12  # a column of at most so many different texts looks like one of labels

_DOUBT = "numbers other than 0 and 1; give --task regression, --active-above or --active-below"
_MOSTLY = 0.9  # of the cells: with so many labels 0 and 1, other numbers are asked about
CENSORED = re.compile(r"(<=|>=|<|>|~|=|≤|≥)\s*(.+)")


class Column(NamedTuple):
    """What a column of a table holds.

    Args:
        values: Labels 0 and 1, NaN for missing, and −1 where a cell is −1. Shape ``[n]``. None if the cells are no
            labels.
        why_not: Why the cells are no labels, and what to do.
        doubt: The same in few words if the column looks like one of labels; empty if it does not.
        numeric: Whether the cells are numbers other than 0 and 1.
        compared: Whether the labels are numbers compared with a threshold.
        note: What the user should know of how the cells were read.
        mixed: Whether almost all cells are 0 or 1, so that the other numbers may be mistakes.
    """

    values: NDArray[np.float32] | None
    why_not: str = ""
    doubt: str = ""
    numeric: bool = False
    compared: bool = False
    note: str = ""
    mixed: bool = False

    @property
    def labels(self) -> NDArray[np.float32]:
        """The labels of a column that holds labels."""
        if self.values is None:
            raise ValueError(self.why_not)
        return self.values

    def holds(self, value: float) -> bool:
        """Whether a label has this value."""
        return self.values is not None and bool((self.values == value).any())


def read_column(cells: Sequence[str], rules: LabelRules, *, threshold: bool = True) -> Column:
    """Read the cells of one column; with `threshold`, numbers are compared with that of the rules."""
    distinct = dict.fromkeys(cells)
    if rules.positive is None and not (threshold and rules.has_threshold):
        measured = _first_measured(distinct, rules)
        if measured is not None:
            return _numbers(measured, cells, True)
    known = [cell for cell in distinct if not rules.is_missing(cell)]
    if rules.positive is not None and any(same_cell(cell, rules.positive) for cell in known):
        return Column(_spread(cells, {cell: float(same_cell(cell, rules.positive)) for cell in known}))
    strange = next((cell for cell in known if _label(cell) is None), None)
    if strange is None:
        labels = ((cell, _label(cell)) for cell in known)
        return Column(_spread(cells, {cell: value for cell, value in labels if value is not None}))
    text = next((cell for cell in known if _interval(cell) is None), None)
    if text is not None:
        return _words(cells, known, text)
    if threshold and rules.has_threshold:
        intervals = ((cell, _interval(cell)) for cell in known)
        return _compared(cells, {cell: found for cell, found in intervals if found is not None}, rules)
    return _numbers(strange, cells, len(known) > 1)


def holds_cell(cells: Sequence[str], word: str) -> bool:
    """Whether a cell is this word or number."""
    return any(same_cell(cell, word) for cell in dict.fromkeys(cells))


def _first_measured(distinct: Collection[str], rules: LabelRules) -> str | None:
    """Return the first number that is no label if a column holds many numbers and nothing else; else None.

    This is quick, so that thousands of columns with descriptors cost little.
    """
    filled = [cell for cell in distinct if cell not in MISSING]
    if len(filled) <= _MANY:
        return None
    try:
        numbers = np.fromiter(map(float, filled), np.float64, len(filled))
    except ValueError:
        return None
    if np.isnan(numbers).any():
        return None
    labels = [-1.0, 0.0, 1.0]
    measured = np.flatnonzero(~np.isin(numbers, labels))[:_MANY]
    return next((cell for cell in map(filled.__getitem__, measured.tolist()) if not rules.is_missing(cell)), None)


def _numbers(first: str, cells: Sequence[str], several: bool) -> Column:
    """A column of numbers, of which one is shown."""
    zeros, ones = (sum(map(cells.count, forms)) for forms in (("0", "0.0"), ("1", "1.0")))
    if zeros and ones and zeros + ones >= _MOSTLY * len(cells):
        why = f"holds 0 and 1, but also {first.strip()} (data row {cells.index(first)}): if that is no label, give "
        why += f"missing (--missing {first.strip()}); if these are numbers to predict, task regression (--task "
        return Column(None, f"{why}regression)", _DOUBT, numeric=True, mixed=True)
    why = f"contains the number {first.strip()}: predict numbers with task regression (--task regression), or set a "
    why += "threshold with active_above or active_below (--active-above, --active-below)"
    return Column(None, why, _DOUBT if several else "", numeric=True)


def _label(cell: str) -> float | None:
    """The label in a cell: 0, 1 or −1; None for any other cell."""
    low = cell.strip().lower()
    if low in POSITIVE or low in NEGATIVE:
        return float(low in POSITIVE)
    try:
        value = float(low)
    except ValueError:
        return None
    return value if value in (-1.0, 0.0, 1.0) else None


def _interval(cell: str) -> tuple[float, float] | None:
    """The lowest and the highest number that a cell such as 5 or >500 may stand for; None for text."""
    censored = CENSORED.fullmatch(cell.strip())
    sign, text = (censored[1], censored[2]) if censored else ("", cell)
    try:
        value = float(text)
    except ValueError:
        return None
    if math.isnan(value):
        return None
    if sign in ("<", "<=", "≤"):
        return -math.inf, math.nextafter(value, -math.inf) if sign == "<" else value
    if sign in (">", ">=", "≥"):
        return math.nextafter(value, math.inf) if sign == ">" else value, math.inf
    return value, value


def _compared(cells: Sequence[str], intervals: dict[str, tuple[float, float]], rules: LabelRules) -> Column:
    """Labels by the threshold; a censored number that may be on either side of it is missing."""
    low, high = rules.active_above, rules.active_below
    values: dict[str, float] = {}
    for cell, (first, last) in intervals.items():
        inside = (low is None or low < first) and (high is None or last < high)
        outside = (low is not None and last <= low) or (high is not None and first >= high)
        values[cell] = 1.0 if inside else 0.0 if outside else math.nan
    unknown = {cell for cell, value in values.items() if math.isnan(value)}
    note = f"active where {rules.threshold}"
    if unknown:
        first_of = next(cell for cell in cells if cell in unknown)
        count = sum(cell in unknown for cell in cells)
        cells_are = "1 cell" if count == 1 else f"{count} cells"
        note += f"; {cells_are} such as {first_of.strip()!r} may be on either side: missing"
    return Column(_spread(cells, values), compared=True, note=note)


def _words(cells: Sequence[str], known: list[str], text: str) -> Column:
    """Why a column with text that is no label cannot be read."""
    words = {cell.strip() for cell in known}
    why = f"contains the text {shown(text)} (data row {cells.index(text)})"
    if 2 <= len(words) <= FEW and 2 * len(words) <= sum(1 for cell in cells if cell.strip()):
        some = listed(sorted(words))
        doubt = f"the words {some}; give --positive WORD, --missing WORD or --task multiclass"
        why += f"; its cells are {some}: say which one is active with positive (--positive WORD), which ones are no "
        return Column(None, why + "label with missing (--missing WORD), or train on classes (--task multiclass)", doubt)
    sample = known[:_SAMPLE]
    if 2 * sum(_interval(cell) is not None for cell in sample) > len(sample):
        why += f"; if it is no label, give missing (--missing {shown(text.strip())})"
        return Column(None, why, f"numbers, but also {shown(text.strip())}; give --missing for it", numeric=True)
    return Column(None, why)


def _spread(cells: Sequence[str], values: dict[str, float]) -> NDArray[np.float32]:
    """The values of all cells; NaN for those without one."""
    return np.array([values.get(cell, math.nan) for cell in cells], dtype=np.float32)
