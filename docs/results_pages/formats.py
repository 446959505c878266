"""How numbers and tables are written: .331 without the zero, 1,265, 5.4×."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal


def share(value: float, digits: int = 3, signed: bool = False) -> str:
    """A score: ``.331``, or ``+.030`` and ``−.019`` if `signed`."""
    text = f"{abs(value):.{digits}f}"
    text = text[1:] if text.startswith("0.") else text
    negative = value < 0 and any(digit in "123456789" for digit in text)
    return ("−" if negative else "+" if signed else "") + text


def spread(values: Sequence[float], digits: int = 3, signed: bool = False) -> str:
    """Mean ± standard deviation, or the single value."""
    mean = share(statistics.mean(values), digits, signed)
    return mean if len(values) < 2 else f"{mean} ± {share(statistics.stdev(values), digits)}"


def rewritten(text: str, digits: int = 3, signed: bool = False) -> str:
    """A spread that a results file holds as text, such as ``0.8137 ± 0.0081``, in the style of these pages."""
    numbers = [float(Decimal(part).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)) for part in text.split(" ± ")]
    return " ± ".join([share(numbers[0], digits, signed), *(share(number, digits) for number in numbers[1:])])


def number(value: float) -> str:
    """Three significant digits for small numbers, thousands with commas: ``.40``, ``5.82``, ``18.9``, ``1,265``."""
    if value >= 99.5:
        return f"{value:,.0f}"
    text = f"{value:.{1 if value >= 9.995 else 2}f}"
    return text[1:] if text.startswith("0.") else text


def times(value: float) -> str:
    """A ratio: ``5.4×``, ``48×``."""
    return f"{value:.0f}×" if value >= 19.95 else f"{value:.1f}×" if value >= 0.95 else f"{share(value, 2)}×"


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, in which numbers are not torn from their units and deviations."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(map(_unbroken, cells)) + " |" for cells in rows]
    return "\n".join(lines)


def _unbroken(text: str) -> str:
    text = re.sub(r" (±|to) (?=[+−.\d])", "\u00a0\\1\u00a0", text)
    return re.sub(r"(?<=\d) (?=(?:ms|s|MiB|molecules/s|%|of \d)(?:\W|$))", "\u00a0", text)
