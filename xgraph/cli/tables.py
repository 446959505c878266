"""Metrics as text: aligned columns that a person and a script can read."""

from collections.abc import Mapping, Sequence
from typing import Any


def metrics_table(metrics: Mapping[str, Any]) -> str:
    """The metrics of the validation and test splits; with folds, mean ± standard deviation.

    Args:
        metrics: What `metrics.json` holds.

    Example:
        >>> print(metrics_table({"test": {"ap": 0.5}, "valid": {"ap": 0.25}}))
        split      ap
        valid  0.2500
        test   0.5000
    """
    rows = []
    names = list(metrics["test"].get("mean", metrics["test"]))
    for split in (name for name in ("train", "valid", "test") if name in metrics):
        values = metrics[split]
        spread = values.get("std")
        cells = [_number(values.get(name)) for name in names]
        if spread is not None:
            cells = [f"{cell} ± {_number(spread.get(name))}" for cell, name in zip(cells, names, strict=True)]
        rows.append([split, *cells])
    return aligned([["split", *names], *rows])


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as lines with aligned columns, the first to the left, the others to the right.

    Args:
        rows: Cells.
    """
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells]))
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.4f}"
