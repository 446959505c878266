"""One column of cells as numbers to predict, or why it does not hold them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xgraph.data.labels.cells import CENSORED, FEW
from xgraph.data.labels.rules import LabelRules
from xgraph.messages import shown

_LARGEST = float(np.finfo(np.float32).max)
_COMMA = 1 << 20  # cells longer than this are not looked at for a decimal comma


class Numbers(NamedTuple):
    """What a column holds that is read as numbers.

    Args:
        values: Finite numbers, NaN for missing, float32. Shape ``[n]``. None if a cell is no such number, or there is
            nothing to learn.
        why_not: Why the column cannot be used, and what to do.
        note: What the user should know of the column: its range, and whether it looks like one of classes.
    """

    values: NDArray[np.float32] | None
    why_not: str = ""
    note: str = ""

    @property
    def numbers(self) -> NDArray[np.float32]:
        """The numbers of a column that holds numbers."""
        if self.values is None:
            raise ValueError(self.why_not)
        return self.values


def read_numbers(cells: Sequence[str], rules: LabelRules) -> Numbers:
    """Read the cells of a column as numbers to predict.

    Args:
        cells: The cells, as text.
        rules: Which cells are missing, beside the usual ones.

    Returns:
        The numbers in the user's units; or why the column cannot be used: a cell is text, a bound such as ``>10``, or
        not finite in 32 bits, or all numbers are the same.

    Example:
        >>> column = read_numbers(["-11.6", "", "1.58"], LabelRules())
        >>> column.numbers.round(2).tolist(), column.note
        ([-11.600000381469727, nan, 1.5800000429153442], 'numbers from -11.6 to 1.58: regression')
        >>> read_numbers(["1.5", ">10"], LabelRules()).why_not[:37]
        "contains the bound '>10' (data row 1)"
    """
    numbers: dict[str, float] = {}
    for cell in dict.fromkeys(cells):
        if not rules.is_missing(cell):
            value = _number(cell)
            if value is None or not abs(value) <= _LARGEST:
                return Numbers(None, _wrong(cell, value, cells))
            numbers[cell] = value
    different = sorted(set(numbers.values()))
    if not different:
        return Numbers(None, "holds no number")
    values = np.array([numbers.get(cell, math.nan) for cell in cells], dtype=np.float32)
    low, high = np.nanmin(values), np.nanmax(values)
    if low == high:
        known = sum(cell in numbers for cell in cells)
        what = f"{different[0]:.9g} in each of its {known} cells" if known > 1 else f"a single number, {different[0]:g}"
        if len(different) > 1:
            what = f"numbers that are the same in 32 bits, {different[0]:.17g} to {different[-1]:.17g}"
        return Numbers(None, f"holds {what}, so that there is nothing to learn")
    return Numbers(values, note=_note(different, numbers, cells))


def _number(cell: str) -> float | None:
    """The number in a cell; None for text and NaN."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return None if math.isnan(value) or "_" in cell else value


def _wrong(cell: str, value: float | None, cells: Sequence[str]) -> str:
    """Why a cell is no number to predict."""
    text = cell.strip()
    where = f"{shown(text)} (data row {cells.index(cell)})"
    leave_out = f"give missing (--missing {shown(text)}) if it stands for no number"
    if value is not None:
        if math.isinf(value) and "inf" in text.lower():
            return f"contains the infinite number {where}; {leave_out}"
        return f"contains {where}, more than a number of 32 bits can be ({_LARGEST:.4g}): scale the column"
    if CENSORED.fullmatch(text):
        bounds = sum(CENSORED.fullmatch(other.strip()) is not None for other in cells)
        more = f", one of {bounds}" if bounds > 1 else ""
        return (
            f"contains the bound {where}{more}, which is no number: leave such cells out with missing "
            f"(--missing {shown(text)}), or set a threshold with active_above or active_below (--active-above, "
            "--active-below)"
        )
    if len(text) < _COMMA and text.count(",") == 1 and _number(text.replace(",", ".")) is not None:
        return f"contains {where}: write decimals with a point"
    return f"contains the text {where}; {leave_out}"


def _note(different: Sequence[float], numbers: Mapping[str, float], cells: Sequence[str]) -> str:
    """What is said of the numbers."""
    note = f"numbers from {different[0]:.4g} to {different[-1]:.4g}: regression"
    whole = all(value.is_integer() for value in different)
    if whole and 2 < len(different) <= FEW and 2 * len(different) <= sum(cell in numbers for cell in cells):
        note += f"; if its {len(different)} different whole numbers are classes, give --task multiclass"
    return note
