"""Tables of ``docs/results/coverage.md``."""

from __future__ import annotations

from typing import Any

from results_pages.data import read
from results_pages.formats import markdown, share

_NAMES = {"coverage": "all", "coverage_0": "negatives", "coverage_1": "positives", "set_size": "classes in a set"}


def coverage(alpha: float) -> str:
    """Measured coverage for an alpha: one row per data set, model and split."""
    rows = [[*_what(row), *(_spread(row, name) for name in _NAMES)] for row in _rows(alpha)]
    return markdown(["data", "model", "split", *_NAMES.values()], rows)


def probabilities() -> str:
    """Brier score and calibration error of scores and of calibrated probabilities."""
    kinds = [f"{name}{way}" for name in ("brier", "ece") for way in ("", "_temperature", "_isotonic")]
    head = [f"{name}, {way}" for name in ("Brier", "error") for way in ("score", "temperature", "isotonic")]
    return markdown(["data", "model", "split", *head], [[*_what(r), *(share(r[k]) for k in kinds)] for r in _rows(0.1)])


def coverage_of(most: bool, split: str, which: str = "coverage") -> str:
    """The lowest or the highest mean coverage over the rows of a split, for an alpha of .1."""
    values = [row[which] for row in _rows(0.1) if row["split"] == split and which in row]
    return share(max(values) if most else min(values), 2)


def coverage_spread(data: str) -> str:
    """The standard deviation of the coverage of the positives over folds of scaffolds, for an alpha of .1."""
    (row,) = (row for row in _rows(0.1) if row["split"] == "scaffold" and row["data"] == data)
    return share(row["coverage_1 std"], 2)


def _rows(alpha: float) -> list[dict[str, Any]]:
    return [row for row in read("conformal")["rows"] if row["alpha"] == alpha]


def _what(row: dict[str, Any]) -> list[str]:
    return [row["data"], row["model"], row["split"]]


def _spread(row: dict[str, Any], name: str) -> str:
    return f"{share(row[name])} ± {share(row[f'{name} std'])}" if name in row else ""
