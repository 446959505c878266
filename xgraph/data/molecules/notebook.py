"""Data sets as a notebook shows them."""

from typing import Any

import torch

from xgraph.notebooks import box, pictures, table

SHOWN = 6
"""Number of molecules that are drawn."""

MOST_TASKS = 12
"""Number of tasks that are listed."""


def _figure(y: torch.Tensor, numbers: bool) -> int | str:
    """The number of positive labels, or the mean of numbers."""
    return f"{float(y.nanmean()):.4g}" if numbers else int((y == 1).sum())


def dataset_html(data: Any) -> str:
    """Return a data set of molecules, nodes or bags: its size, the labels of each part, and some molecules drawn."""
    parts = {name: torch.as_tensor(rows) for name, rows in getattr(data, "splits", {}).items()}
    y, numbers = data.y, getattr(data, "task", "") == "regression"
    rows = []
    if torch.is_tensor(y) and y.dim() == 2 and len(y) == len(data):
        for task, name in list(enumerate(data.task_names))[:MOST_TASKS]:
            of_parts = [_figure(y[positions, task], numbers) for positions in parts.values()]
            rows.append([name, *of_parts, _figure(y[:, task], numbers), int((~y[:, task].isnan()).sum())])
    header = ["mean" if numbers else "positives", *parts, "all", "labels"]
    sizes = [["items", *(len(positions) for positions in parts.values()), len(data), ""]] if rows else []
    more = len(data.task_names) - len(rows)
    note = f"<div>and {more} more tasks</div>" if rows and more > 0 else ""
    drawn = ""
    if getattr(data, "smiles", None):
        from xgraph.data.molecules.drawing import draw_molecule

        cards = []
        for text in data.smiles[:SHOWN]:
            try:
                picture = draw_molecule(text)
            except ValueError:
                picture = ""
            cards.append((picture, [text]))
        drawn = pictures(cards)
    return box(repr(data), table([*sizes, *rows], header) if rows else "", note, drawn)
