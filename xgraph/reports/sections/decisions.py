"""Decisions: confusions at the threshold, or between classes."""

import numpy as np

from xgraph.reports.figures.scores import MOST_CLASSES, confusion
from xgraph.reports.measures.names import PARTS
from xgraph.reports.measures.rankings import Shown, shown, thresholds
from xgraph.reports.measures.rankings import confusion as counted
from xgraph.reports.page.blocks import Block, Figure, LeftOut, Section, Table
from xgraph.reports.page.numbers import shown as as_text
from xgraph.reports.source import Source

_MOST_PAIRS = 20


def section(source: Source) -> Section | None:
    """Return the confusions of the last part that was scored."""
    if source.predicts_numbers:
        return None
    members = shown(source)
    if not members:
        return None  # said by others
    part = members[0].part
    note = f"{PARTS[part].capitalize()} part" + (", all folds together." if source.folds else ".")
    if source.several_classes:
        return Section("Decisions", _of_classes(source, members), note)
    if all(at is None for one in members for at in thresholds(one.source)):
        why = "the threshold is chosen on a validation part with both labels, which the run does not have"
        source.left_out.append(LeftOut("confusion at the threshold", why))
        return None
    totals = {name: _of_task(members, task) for task, name in enumerate(source.tasks)}
    known = {name: one for name, one in totals.items() if one.sum()}
    if len(source.tasks) == 1:
        counts = next(iter(known.values()))
        svg = confusion(counts, ["negative", "positive"], ["negative", "positive"])
        at = [one for member in members if (one := thresholds(member.source)[0]) is not None]
        where = as_text(at[0]) if len(at) == 1 else "of each fold"
        caption = f"Labels and decisions at the threshold {where}, which has the best F1 on the validation part."
        return Section("Decisions", [Figure(svg, caption)], note)
    rows = [[name, *(int(n) for n in (c[1, 1], c[1, 0], c[0, 1], c[0, 0]))] for name, c in known.items()]
    columns = ["task", "positives found", "positives missed", "false alarms", "negatives left"]
    caption = "Decisions at the threshold of each task, which has the best F1 on the validation part"
    return Section("Decisions", [Table(columns, rows, sortable=True, caption=caption, folded=len(rows) > 20)], note)


def _of_task(members: list[Shown], task: int) -> np.ndarray:
    total = np.zeros((2, 2))
    for one in members:
        at = thresholds(one.source)[task]
        if at is not None:
            total += counted(one.scores.labels[:, task], one.scores.scores[:, task], at)
    return total


def _of_classes(source: Source, members: list[Shown]) -> list[Block]:
    names = source.tasks
    matrix = np.zeros((len(names), len(names)))
    for one in members:
        known = ~np.isnan(one.scores.labels).any(axis=1)
        np.add.at(matrix, (one.scores.labels[known].argmax(1), one.scores.scores[known].argmax(1)), 1)
    blocks: list[Block] = []
    if len(names) <= MOST_CLASSES:
        blocks.append(
            Figure(confusion(matrix, names, names), "Labels and predicted classes; shaded by share of the label.")
        )
    wrong = matrix - np.diag(np.diag(matrix))
    order = np.argsort(-wrong, axis=None, kind="stable")[:_MOST_PAIRS]
    pairs = [(int(at) // len(names), int(at) % len(names)) for at in order]
    rows = [
        [names[i], names[j], int(wrong[i, j]), float(wrong[i, j] / matrix[i].sum())] for i, j in pairs if wrong[i, j]
    ]
    if rows:
        caption = "Classes that are confused most often"
        blocks.append(
            Table(["label", "predicted", "items", "share of the label"], rows, sortable=True, caption=caption)
        )
    return blocks
