"""Metrics as text: aligned columns that a person and a script can read."""

import math
import shlex
from collections.abc import Mapping, Sequence
from statistics import mean
from typing import TYPE_CHECKING, Any

from xgraph.cli.help.text import wrapped

if TYPE_CHECKING:
    from xgraph.training import Run


def metrics_table(metrics: Mapping[str, Any]) -> str:
    """The content of `metrics.json`: one row per metric, one column per split; with folds mean ± deviation."""
    splits = [name for name in ("train", "valid", "test") if name in metrics] or list(metrics)
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


def closing_lines(run: "Run", demo: bool = False) -> list[str]:
    """Return the lines after the table of metrics.

    Args:
        run: The finished run.
        demo: Whether this is `xgraph train` without arguments, after which one's own table comes next.
    """
    from xgraph.data import list_cards

    config = run.config
    card = {card.name: card for card in list_cards()}.get(config.dataset)
    lines = []
    if card is not None and card.label_meaning and config.target_columns in (None, card.target_columns):
        lines.append(_line("label", card.label_meaning))
    lines += [_line("random ranking", text) for text in _random_ranking(run.metrics)]
    lines.append(f"run: {run.path}")
    if demo:
        lines.append(f"next: xgraph predict {shlex.quote(str(run.path))} molecules.csv -o predictions.csv")
        lines.append("      scores molecules of your own; `xgraph train your.csv` trains on your own labels")
    return lines


def _random_ranking(metrics: Mapping[str, Any]) -> list[str]:
    """What a random ranking of the last part that was scored would reach; nothing where it is not known."""
    runs = metrics.get("folds", [metrics])
    part = next((name for name in ("test", "valid") if name in metrics), None)
    rates = [run["positive_rate"][part] for run in runs if part in run.get("positive_rate", {})]
    known = [rate for rate in rates if not math.isnan(rate)]
    if not known:
        return []
    return [f"ap {mean(known):.4f} (the share of positives in {part}), roc_auc 0.5"]


def _line(key: str, text: str) -> str:
    return wrapped(f"{key}: {' '.join(text.split())}", hanging=len(key) + 2)


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
