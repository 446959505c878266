"""The history of a run: the last epochs are in its checkpoints, all of them in `metrics.csv`."""

import csv
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from xgraph.training.files.rundir import HISTORY
from xgraph.training.files.writing import write_csv

KEPT = 1000
"""Epochs whose rows a checkpoint holds, so that its size does not grow without end."""


def write_history(path: Path, rows: Sequence[Mapping[str, Any]], *, opened: bool = False) -> None:
    """Write `metrics.csv`; rows of earlier epochs than the given ones are kept as they are in the file.

    Args:
        path: The run directory.
        rows: The rows of consecutive epochs, up to the last one.
        opened: Whether the run has just been opened; then a warning says if earlier rows are missing.
    """
    if not rows:
        return
    first = int(rows[0]["epoch"])
    earlier = _earlier(path / HISTORY, first) if first > 1 else []
    if opened and len(earlier) < first - 1:
        warnings.warn(
            f"{path / HISTORY} is damaged: {first - 1 - len(earlier)} of its first {first - 1} rows are lost; "
            f"checkpoints hold those of the last {KEPT} epochs",
            stacklevel=4,
        )
    every = [*earlier, *rows]
    metrics = dict.fromkeys(name for row in every for name in row if str(name).startswith("valid_"))
    columns = ("epoch", "stage", "train_loss", *metrics, "lr", "seconds")
    write_csv(path / HISTORY, columns, ([row.get(name) for name in columns] for row in every))


def _earlier(file: Path, before: int) -> list[dict[str, str]]:
    """Return the complete rows of a file with epochs below `before`, in order, each once."""
    rows: dict[int, dict[str, str]] = {}
    try:
        with file.open(encoding="utf-8", newline="") as text:
            for number, row in _rows(text):
                if number < before:
                    rows.setdefault(number, row)
    except (OSError, ValueError, csv.Error):  # what has been read is kept
        pass
    return [rows[number] for number in sorted(rows)]


def _rows(text: Any) -> Iterator[tuple[int, dict[str, str]]]:
    for row in csv.DictReader(text):
        number = row.get("epoch") or ""
        if (
            number.isascii()
            and number.isdecimal()
            and 0 < len(number) < 10
            and None not in row
            and None not in row.values()
        ):
            yield int(number), row
