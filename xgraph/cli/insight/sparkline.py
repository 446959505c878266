"""A line of characters that draws the validation metric of a run over its epochs."""

import csv
import math
import sys
from collections.abc import Sequence
from pathlib import Path

_BARS, _ASCII = "▁▂▃▄▅▆▇█", "_.:-=+*#"
_WIDEST = 40


def history_line(path: Path, metric: str | None) -> str:
    """Return the line for a finished run: the curve, where it began and ended; empty for runs without several epochs.

    A bar stands between the epochs of cross-entropy and those of the loss.

    Args:
        path: The run directory.
        metric: The metric that selected the epoch.
    """
    try:
        with (path / "metrics.csv").open(encoding="utf-8", newline="") as file:
            rows = [(row["stage"], float(row.get(f"valid_{metric}") or "nan")) for row in csv.DictReader(file)]
    except (OSError, ValueError, KeyError, csv.Error):
        return ""
    values = [value for _, value in rows]
    known = [value for value in values if not math.isnan(value)]
    if len(known) < 2:
        return ""
    first = sum(stage == "pretrain" for stage, _ in rows)
    stages = [values[:first], values[first:]] if 0 < first < len(values) else [values]
    unicode = _can_show(_BARS + "│→")
    drawn = ("│" if unicode else "|").join(
        draw(_fewer(part, max(round(_WIDEST * len(part) / len(values)), 1)), min(known), max(known), unicode)
        for part in stages
    )
    return f"{drawn} {known[0]:.4f} {'→' if unicode else 'to'} {known[-1]:.4f}, {len(values)} epochs"


def draw(values: Sequence[float], low: float, high: float, unicode: bool = True) -> str:
    """Draw values between two limits as a character each; a space where a value is not known."""
    bars = _BARS if unicode else _ASCII
    span = high - low

    def one(value: float) -> str:
        if math.isnan(value):
            return " "
        return bars[min(int((value - low) / span * len(bars)), len(bars) - 1)] if span > 0 else bars[len(bars) // 2]

    return "".join(map(one, values))


def _fewer(values: Sequence[float], most: int) -> list[float]:
    """Means of neighbours, so that there are at most so many."""
    count = min(len(values), most)
    parts = [values[i * len(values) // count : (i + 1) * len(values) // count] for i in range(count)]
    means = []
    for part in parts:
        known = [value for value in part if not math.isnan(value)]
        means.append(sum(known) / len(known) if known else math.nan)
    return means


def _can_show(text: str) -> bool:
    """Whether standard output can encode some characters."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
