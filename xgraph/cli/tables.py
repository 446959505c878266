"""Metrics as text: aligned columns that a person and a script can read."""

from collections.abc import Mapping, Sequence
from typing import Any


def metrics_table(metrics: Mapping[str, Any]) -> str:
    """The content of `metrics.json`: one row per metric, one column per split; with folds mean ± deviation."""
    splits = [name for name in ("train", "valid", "test") if name in metrics]
    rows = [["metric", *splits]]
    last = metrics[splits[-1]]
    for name in last.get("mean", last):
        cells = []
        for split in splits:
            spread = metrics[split].get("std")
            value = _number(metrics[split].get(name))
            cells.append(value if spread is None else f"{value} ± {_number(spread.get(name))}")
        rows.append([name, *cells])
    return aligned(rows)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Lines with aligned columns, the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells]))
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.4f}"
