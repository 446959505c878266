"""Paired differences between runs, with 95 % intervals."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from xgraph.reports.comparison.runs import Comparison, Shared
from xgraph.reports.figures.differences import intervals
from xgraph.reports.measures.curves import interval
from xgraph.reports.measures.names import PARTS, label
from xgraph.reports.measures.paired import MOST_ITEMS, Difference, bootstrap, draws_for, over_pairs
from xgraph.reports.page.blocks import Block, Figure, LeftOut, Section, Table
from xgraph.reports.source import Source

_METRICS = ("ap", "roc_auc")
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
        some = [(f"{row.one} − {row.other}", row.difference) for row in rows if row.metric == metric]
        if len(some) <= 20:
            caption = f"Differences in {label(metric)} with 95 % intervals. Right of 0, the first named is better."
            blocks.append(Figure(intervals(dict(some), f"difference in {label(metric)}"), caption))
    cells = [[row.one, row.other, label(row.metric), *row.difference, row.how] for row in rows]
    columns = ["run", "minus", "metric", "difference", "from", "to", "95 % interval over"]
    blocks.append(Table(columns, cells, sortable=True))
    return Section("Paired differences", blocks, f"{PARTS[part].capitalize()} part.")


def _of_runs(comparison: Comparison, part: str) -> list[Row]:
    """Return the differences of each run to the first one, over folds, tasks or items."""
    first, names = comparison.sources[0], comparison.names
    if len(first.folds) > 1:
        return [
            row
            for source, name in zip(comparison.sources[1:], names[1:], strict=True)
            for row in _over_folds(source, name, first, names[0], part)
        ]
    shared = comparison.shared
    if isinstance(shared, str):
        comparison.left_out.append(LeftOut("differences over the same items", shared))
        return []
    if shared.labels.shape[1] >= _TASKS and not first.several_classes:
        return [
            row
            for source, name in zip(comparison.sources[1:], names[1:], strict=True)
            for row in _over_tasks(source, name, first, names[0], part)
        ]
    return list(_over_items(comparison, shared))


def _over_folds(one: Source, name: str, other: Source, against: str, part: str) -> Iterator[Row]:
    for metric in dict.fromkeys((one.metric, *_METRICS)):
        values = [np.array([f.metrics[part].get(metric, np.nan) for f in run.folds], float) for run in (one, other)]
        difference = over_pairs(*values)
        if difference is not None:
            yield Row(name, against, metric, difference, f"{len(one.folds)} folds (t)")


def _over_tasks(one: Source, name: str, other: Source, against: str, part: str) -> Iterator[Row]:
    tables = [run.metrics.get("details", {}).get(part, {}).get("tasks", {}) for run in (one, other)]
    for metric in _METRICS:
        values = [np.array([table.get(t, {}).get(metric, np.nan) for t in one.tasks], float) for table in tables]
        difference = over_pairs(*values)
        if difference is not None:
            count = int(np.isfinite(values[0] - values[1]).sum())
            yield Row(name, against, metric, difference, f"{count:,} tasks (t)")


def _over_items(comparison: Comparison, shared: Shared) -> Iterator[Row]:
    count = shared.labels.size
    if count > MOST_ITEMS:
        why = f"the bootstrap is limited to {MOST_ITEMS:,} labels, and these are {count:,}"
        comparison.left_out.append(LeftOut("differences over the same items", why))
        return
    draws, exact = bootstrap(shared.labels, shared.scores)
    how = f"{draws_for(count)} bootstrap samples of {len(shared.labels):,} items"
    for run in range(1, len(shared.scores)):
        for at, metric in enumerate(_METRICS):
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
        for metric in dict.fromkeys((comparison.sources[0].metric, *_METRICS)):
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
