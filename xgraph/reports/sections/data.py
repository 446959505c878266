"""How many items and positives each part has."""

from typing import Any

import numpy as np

from xgraph.reports.measures.names import PARTS
from xgraph.reports.page.blocks import LeftOut, Section, Table
from xgraph.reports.source import Source

MOST_TASKS = 12
"""Tasks that have a row of their own."""


def section(source: Source) -> Section | None:
    """Return the counts of labels by part and task; None for a run that has not recorded them."""
    if source.predicts_numbers:
        return _of_numbers(source)
    counts = _counts(source)
    if not counts:
        source.left_out.append(
            LeftOut("positives of each part", "an older version of xgraph trained this run and did not record them")
        )
        return None
    if "train" not in counts:
        source.left_out.append(
            LeftOut(
                "positives of the training part", "an older version of xgraph trained this run and did not record them"
            )
        )
    parts = list(counts)
    if len(source.tasks) <= MOST_TASKS:
        rows = [[name, *(_share(*counts[part][name]) for part in parts)] for name in source.tasks]
        return Section(
            "Data", [Table([_what(source), *(PARTS[part] for part in parts)], rows, caption=_caption(source))]
        )
    table: list[list[Any]] = []
    for part in parts:
        positives, labelled = (np.array(column) for column in zip(*counts[part].values(), strict=True))
        lacking = int(((positives == 0) | (positives == labelled)).sum())
        table.append(
            [
                PARTS[part],
                int(positives.min()),
                float(np.median(positives)),
                int(positives.max()),
                int(np.median(labelled)),
                lacking,
            ]
        )
    columns = [
        "part",
        "fewest positives",
        "median",
        "most",
        "median labels",
        f"{_what(source, many=True)} that lack a label",
    ]
    return Section(
        "Data", [Table(columns, table, caption=f"Positives of the {len(source.tasks):,} {_what(source, many=True)}")]
    )


def _of_numbers(source: Source) -> Section | None:
    """Return how many numbers each part has, and their mean, deviation and range."""
    first = source.first.metrics
    parts: dict[str, Any] = {"train": first.get("train_labels"), **first.get("details", {})}
    rows = []
    for part in [part for part in PARTS if parts.get(part)]:
        for name, one in list((parts[part].get("tasks", parts[part])).items())[:MOST_TASKS]:
            rows.append([name, PARTS[part], *(one.get(key) for key in ("numbers", "mean", "std", "min", "max"))])
    if not rows:
        return None
    columns = ["target", "part", "numbers", "mean", "standard deviation", "lowest", "highest"]
    return Section("Data", [Table(columns, rows, caption=_caption(source))])


def _counts(source: Source) -> dict[str, dict[str, tuple[int, int]]]:
    """Positives and labels by part and task."""
    first = source.first.metrics
    tasks: dict[str, Any] = {"train": first.get("train_labels")}
    tasks |= {part: one.get("tasks") for part, one in first.get("details", {}).items()}
    ordered = {part: tasks[part] for part in PARTS if tasks.get(part)}
    return {
        part: {name: (one["positives"], one["positives"] + one["negatives"]) for name, one in own.items()}
        for part, own in ordered.items()
    }


def _share(positives: int, labelled: int) -> str:
    share = f" ({100 * positives / labelled:.1f} %)" if labelled else ""
    return f"{positives:,} of {labelled:,}{share}"


def _what(source: Source, many: bool = False) -> str:
    word = ("classes" if many else "class") if source.several_classes else ("tasks" if many else "task")
    return word


def _caption(source: Source) -> str:
    what = "Items of each class" if source.several_classes else "Positives of each task, of the items with a label"
    if source.predicts_numbers:
        every = len(source.tasks)
        what = (
            "Numbers of each target"
            if every <= MOST_TASKS
            else f"Numbers of the first {MOST_TASKS} of {every:,} targets"
        )
    return f"{what}, by part" + ("; the first fold" if source.folds else "")
