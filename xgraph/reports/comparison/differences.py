"""Paired differences between runs, with 95 % intervals."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from xgraph.reports.comparison.runs import Comparison, Shared
from xgraph.reports.figures.differences import intervals
from xgraph.reports.measures.curves import interval
from xgraph.reports.measures.names import PARTS, label
from xgraph.reports.measures.paired import MOST_ITEMS, RANKED, Difference, bootstrap, draws_for, over_pairs
from xgraph.reports.measures.paired_numbers import ERRORS, bootstrap_numbers
from xgraph.reports.page.blocks import Block, Figure, LeftOut, Section, Table
from xgraph.reports.source import Source
from xgraph.training.scoring.direction import higher_is_better

_OVER_TARGETS = ("r2", "spearman")
"""Metrics without units, which are compared over targets."""
_TASKS = 8
"""So many tasks are pairs of their own; of fewer, the items are."""
_SEEDS = 3


class Row(NamedTuple):
    """A difference between two runs, or two groups of them."""

    one: str
    other: str
    metric: str
    difference: Difference
    how: str


def section(comparison: Comparison) -> Section | None:
    """Return the differences of each run to the first one, and of groups of runs that differ in their seed."""
    part = comparison.part
    if comparison.obstacle or part is None:
        why = comparison.obstacle or "the runs report no part in common"
        comparison.left_out.append(LeftOut("paired differences", why))
        return None
    rows = [*_over_seeds(comparison, part), *_of_runs(comparison, part)]
    if not rows:
        return None
    blocks: list[Block] = []
    for metric in dict.fromkeys(row.metric for row in rows):
        some = _named([row for row in rows if row.metric == metric])
        if len(some) <= 20:
            side = "Right" if higher_is_better(metric) else "Left"
            caption = f"Differences in {label(metric)} with 95 % intervals. {side} of 0, the first named is better."
            blocks.append(Figure(intervals(some, f"difference in {label(metric)}"), caption))
    cells = [[row.one, row.other, label(row.metric), *row.difference, row.how] for row in rows]
    columns = ["run", "minus", "metric", "difference", "from", "to", "95 % interval over"]
    blocks.append(Table(columns, cells, sortable=True))
    return Section("Paired differences", blocks, f"{PARTS[part].capitalize()} part.")


def _named(rows: list[Row]) -> dict[str, Difference]:
    """Return differences by the names of both runs, and by what they are over if there are several of the same runs."""
    names = [f"{row.one} − {row.other}" for row in rows]
    whole = [name if names.count(name) == 1 else f"{name}, {row.how}" for name, row in zip(names, rows, strict=True)]
    return dict(zip(whole, (row.difference for row in rows), strict=True))


def _of_runs(comparison: Comparison, part: str) -> list[Row]:
    """Return the differences of each run to the first one, over folds, tasks or items."""
    first, names = comparison.sources[0], comparison.names
    others = list(zip(comparison.sources[1:], names[1:], strict=True))
    if len(first.folds) > 1:
        return [row for one, name in others for row in _over_members("folds", one, name, first, names[0], part)]
    rows = [
        row
        for one, name in others
        if _same_seeds(one, first)
        for row in _over_members("seeds", one, name, first, names[0], part)
    ]
    shared = comparison.shared
    if isinstance(shared, str):
        comparison.left_out.append(LeftOut("differences over the same items", shared))
        return rows
    if shared.labels.shape[1] >= _TASKS and not first.several_classes:
        return rows + [row for one, name in others for row in _over_tasks(one, name, first, names[0], part)]
    return rows + list(_over_items(comparison, shared))


def _same_seeds(one: Source, other: Source) -> bool:
    names = [seed.path.name for seed in one.seeds]
    return len(names) >= _SEEDS and names == [seed.path.name for seed in other.seeds]


def _over_members(what: str, one: Source, name: str, other: Source, against: str, part: str) -> Iterator[Row]:
    """Yield the differences over the folds or the seeds of two runs."""
    for metric in dict.fromkeys((one.metric, *(ERRORS if one.predicts_numbers else RANKED))):
        members = [getattr(run, what) for run in (one, other)]
        values = [np.array([_value(member, part, metric) for member in every]) for every in members]
        difference = over_pairs(*values)
        if difference is not None:
            yield Row(name, against, metric, difference, f"{len(members[0])} {what} (t)")


def _over_tasks(one: Source, name: str, other: Source, against: str, part: str) -> Iterator[Row]:
    what = "targets" if one.predicts_numbers else "tasks"
    tables = [run.metrics.get("details", {}).get(part, {}).get("tasks", {}) for run in (one, other)]
    for metric in _OVER_TARGETS if one.predicts_numbers else RANKED:
        values = [np.array([table.get(t, {}).get(metric, np.nan) for t in one.tasks], float) for table in tables]
        difference = over_pairs(*values)
        if difference is not None:
            count = int(np.isfinite(values[0] - values[1]).sum())
            yield Row(name, against, metric, difference, f"{count:,} {what} (t)")


def _over_items(comparison: Comparison, shared: Shared) -> Iterator[Row]:
    count = shared.labels.size
    if count > MOST_ITEMS:
        why = f"the bootstrap is limited to {MOST_ITEMS:,} labels, and these are {count:,}"
        comparison.left_out.append(LeftOut("differences over the same items", why))
        return
    resampled, metrics = (bootstrap_numbers, ERRORS) if comparison.numbers else (bootstrap, RANKED)
    draws, exact = resampled(shared.labels, shared.scores)
    how = f"{draws_for(count)} bootstrap samples of {len(shared.labels):,} items"
    if any(source.seeds for source in comparison.sources):
        how += f", of the mean {'prediction' if comparison.numbers else 'score'} of seeds"
    for run in range(1, len(shared.scores)):
        for at, metric in enumerate(metrics):
            away = draws[:, run, at] - draws[:, 0, at]
            away = away[np.isfinite(away)]
            if len(away) > 1:
                value = float(exact[run, at] - exact[0, at])
                difference = Difference(value, *interval(away))
                yield Row(comparison.names[run], comparison.names[0], metric, difference, how)


def _over_seeds(comparison: Comparison, part: str) -> list[Row]:
    """Return the differences between groups of runs that differ in nothing but their seed."""
    groups: dict[str, dict[int, Source]] = {}
    names: dict[str, str] = {}
    for source, name in zip(comparison.sources, comparison.names, strict=True):
        key = _without_seed(source)
        groups.setdefault(key, {})[source.config.seed] = source
        names.setdefault(key, f"{source.title} ({name} and other seeds)")
    first, *others = groups
    rows = []
    for key in others:
        seeds = sorted(groups[key].keys() & groups[first].keys())
        if len(seeds) < _SEEDS:
            continue
        for metric in dict.fromkeys((comparison.sources[0].metric, *(ERRORS if comparison.numbers else RANKED))):
            values = [np.array([_value(groups[k][seed], part, metric) for seed in seeds]) for k in (key, first)]
            difference = over_pairs(*values)
            if difference is not None:
                rows.append(Row(names[key], names[first], metric, difference, f"{len(seeds)} seeds (t)"))
    return rows


def _without_seed(source: Source) -> str:
    values: dict[str, Any] = source.config.to_dict()
    return repr(
        sorted((name, repr(value)) for name, value in values.items() if name not in ("seed", "device", "threads"))
    )


def _value(source: Source, part: str, metric: str) -> float:
    values = source.metrics[part]
    return float(values.get("mean", values).get(metric, np.nan))
