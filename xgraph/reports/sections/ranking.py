"""Curves of the ranking: precision over recall, ROC, and enrichment for screens."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from xgraph.reports.figures.ranking import Ranking, draw
from xgraph.reports.measures.curves import Samples
from xgraph.reports.measures.names import PARTS, label
from xgraph.reports.measures.rankings import Shown, confusion, shown, thresholds
from xgraph.reports.page.blocks import Block, Figure, LeftOut, Section, Table
from xgraph.reports.source import Source
from xgraph.training.files.rundir import BASELINE, METRICS
from xgraph.training.scoring.sweep import Sweep

MOST_LINES = 6
"""Tasks, classes or folds that have a line of their own; of more, the best, the middle and the worst have one."""


def section(source: Source) -> Section | None:
    """Return the curves of the last part that was scored."""
    if source.predicts_numbers:
        return None
    members = shown(source)
    if not members:
        source.left_out.append(LeftOut("curves of the ranking", "the run has no predictions.csv"))
        return None
    part = members[0].part
    rankings, note = _rankings(source, members)
    if not rankings:
        why = f"no task has both labels in the {PARTS[part]} part"
        source.left_out.append(LeftOut("curves of the ranking", why))
        return None
    blocks: list[Block] = [
        Figure(draw("pr", rankings, "Precision and recall"), _caption("pr", rankings)),
        Figure(draw("roc", rankings, "ROC"), _caption("roc", rankings)),
    ]
    if source.kind == "graph" and not source.several_classes:
        blocks.append(Figure(draw("gain", rankings, "Enrichment"), _caption("gain", rankings)))
        early = _early(source)
        if early is not None:
            blocks.append(early)
    return Section("Ranking", blocks, f"{PARTS[part].capitalize()} part. {note}".strip())


def _rankings(source: Source, members: list[Shown]) -> tuple[list[Ranking], str]:
    """The curves to draw, and what they are."""
    part, _, first = members[0]
    if len(members) > 1:
        return _of_folds(source, members)
    every = first.predictions.sweeps(part)
    values = _values(first, part)
    if len(source.tasks) > 1:
        noun = "class" if source.several_classes else "task"
        some = every if len(every) <= MOST_LINES else _ends(every, values, source)
        note = f"One line per {noun}" + (", against all others." if source.several_classes else ".")
        if len(every) > MOST_LINES:
            note = (
                f"Of {len(every):,} {noun}{'es' if noun == 'class' else 's'}: the best, the middle and the worst by AP."
            )
        return [_ranking(first, part, t, one, source.tasks[t], band=False) for t, one in some.items()], note
    if not every:
        return [], ""
    name = PARTS[part]
    rankings = [_ranking(first, part, 0, every[0], f"{name}, AP {_ap(values)}", band=True)]
    if part != "valid" and (other := first.predictions.sweeps("valid")):
        ap = _ap(_values(first, "valid"))
        rankings.append(_ranking(first, "valid", 0, other[0], f"validation, AP {ap}", band=False))
    return [*rankings, *_baseline(source, part)], ""


def _of_folds(source: Source, members: list[Shown]) -> tuple[list[Ranking], str]:
    """One curve per fold, of the only task; with several tasks there are too many."""
    if len(source.tasks) != 1:
        part, _, first = members[0]
        every = first.predictions.sweeps(part)
        some = every if len(every) <= MOST_LINES else _ends(every, _values(first, part), source)
        lines = [_ranking(first, part, t, one, source.tasks[t], band=False) for t, one in some.items()]
        return lines, f"Only {first.path.name.replace('_', ' ')}, one line per task."
    lines = []
    for part, _, fold in members:
        swept = fold.predictions.sweeps(part)
        if swept:
            name = f"{fold.path.name.replace('_', ' ')}, AP {_ap(_values(fold, part))}"
            lines.append(Ranking(name, swept[0], None, _point(fold, part, 0)))
    if len(lines) > MOST_LINES:
        order = np.argsort([-_area(one.swept) for one in lines], kind="stable")
        lines = [lines[int(order[at])] for at in (0, len(order) // 2, -1)]
        return lines, f"Of {len(members)} folds: the best, the middle and the worst by AP."
    return lines, "One line per fold."


def _area(swept: Sweep) -> float:
    return float(np.sum(np.diff(swept.tp, prepend=0.0) * swept.tp / (swept.tp + swept.fp)) / swept.tp[-1])


def _ends(every: Mapping[int, Sweep], values: Mapping[str, Any], source: Source) -> dict[int, Sweep]:
    order = sorted(every, key=lambda task: -(values.get(source.tasks[task], {}).get("ap") or 0.0))
    return {task: every[task] for task in (order[0], order[len(order) // 2], order[-1])}


def _ranking(source: Source, part: str, task: int, swept: Sweep, name: str, band: bool) -> Ranking:
    return Ranking(name, swept, Samples(swept) if band else None, _point(source, part, task))


def _point(source: Source, part: str, task: int) -> tuple[float, float] | None:
    """True and false positives at the threshold."""
    scores, at = source.scores(part), thresholds(source)
    if scores is None or source.several_classes or at[task] is None:
        return None
    counts = confusion(scores.labels[:, task], scores.scores[:, task], float(at[task] or 0.0))
    return float(counts[1, 1]), float(counts[0, 1])


def _baseline(source: Source, part: str) -> list[Ranking]:
    """The curve of the baseline, if it has one."""
    if not (source.path / BASELINE / METRICS).is_file():
        return []
    other = Source(source.path / BASELINE)
    every = other.predictions.sweeps(part)
    name = f"baseline ({other.config.model}), AP {_ap(_values(other, part))}"
    return [Ranking(name, every[0], reference=True)] if 0 in every else []


def _values(source: Source, part: str) -> dict[str, Any]:
    values: dict[str, Any] = source.of_scores.get("details", {}).get(part, {}).get("tasks", {})
    return values


def _ap(values: Mapping[str, Any]) -> str:
    first: dict[str, Any] = next(iter(values.values()), {})
    value = first.get("ap")
    return "unknown" if value is None else f"{value:.3f}"


def _caption(kind: str, rankings: list[Ranking]) -> str:
    text = {
        "pr": "Precision over recall, going down the ranking. Dotted: a random order.",
        "roc": "True-positive over false-positive rate. Dotted: a random order.",
        "gain": "Share of the positives found after testing a share of the molecules, from the top of the ranking; the "
        "horizontal axis is logarithmic.",
    }[kind]
    if kind != "gain" and any(one.samples is not None for one in rankings):
        text += " Band: 95 % of 200 bootstrap samples of positives and negatives."
    if any(one.point is not None for one in rankings):
        text += " Point: the threshold with the best F1 on the validation part."
    return text


def _early(source: Source) -> Table | None:
    """Early recognition by part, for the run and its baseline."""
    names = ("ef_1", "ef_5", "bedroc", "hits@10")
    rows = []
    both: dict[str, dict[str, Any]] = {"this run": source.metrics, "baseline": source.metrics.get("baseline", {})}
    for who, metrics in both.items():
        for part in source.parts:
            values = metrics.get(part)
            if isinstance(values, dict):
                mean = values.get("mean", values)
                rows.append([who, PARTS[part], *(mean.get(name) for name in names)])
    if not any(value is not None for row in rows for value in row[2:]):
        return None
    return Table(["", "part", *map(label, names)], rows, caption="Early recognition: the top of the ranking")
