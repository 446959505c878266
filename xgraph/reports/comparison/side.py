"""The settings in which runs differ, and their metrics side by side."""

from typing import Any

from xgraph.reports.comparison.runs import Comparison
from xgraph.reports.figures.scores import spread
from xgraph.reports.measures.names import PARTS, label
from xgraph.reports.page.blocks import Block, Figure, LeftOut, Section, Table, Text
from xgraph.reports.page.numbers import shown
from xgraph.reports.source import Source

_USUAL = ("accuracy", "ap", "roc_auc", "prc_auc", "ef_1", "bedroc", "rmse", "mae", "r2", "spearman")
_MOST = 24


def section(comparison: Comparison) -> Section | None:
    """Return the runs as columns of metrics and settings."""
    blocks: list[Block] = [_metrics(comparison)]
    figure = _folds(comparison)
    if figure is not None:
        blocks.append(figure)
    settings = _settings(comparison)
    if settings is not None:
        blocks.append(settings)
    if comparison.obstacle:
        text = f"These runs cannot be compared item by item: {comparison.obstacle}."
        blocks.insert(0, Text(text))
    return Section("Runs", blocks)


def _metrics(comparison: Comparison) -> Table:
    names = dict.fromkeys(source.metric for source in comparison.sources if not source.is_encoder)
    rows: list[list[Any]] = []
    for source, name in zip(comparison.sources, comparison.names, strict=True):
        for part in [part for part in ("test", "valid") if part in source.parts]:
            values = source.metrics[part]
            rows.append([name, source.title, source.dataset, PARTS[part], *_cells(values, [*names, *_USUAL])])
    wanted = list(dict.fromkeys([*names, *_USUAL]))
    kept = [at for at in range(len(wanted)) if any(row[4 + at] is not None for row in rows)]
    columns = ["run", "model", "data set", "part", *(label(wanted[at]) for at in kept)]
    return Table(columns, [[*row[:4], *(row[4 + at] for at in kept)] for row in rows], sortable=True)


def _cells(values: dict[str, Any], names: list[str]) -> list[Any]:
    mean, std = values.get("mean", values), values.get("std", {})
    cells = []
    for name in dict.fromkeys(names):
        value = mean.get(name)
        cells.append(f"{shown(value)} ± {shown(std[name])}" if name in std else value)
    return cells


def _folds(comparison: Comparison) -> Figure | None:
    """The values of each fold, for runs over folds."""
    import numpy as np

    part, sources = comparison.part, comparison.sources
    if part is None or not all(source.folds for source in sources) or len(sources) > 8:
        return None
    metric = sources[0].metric
    groups = {
        name: np.array([fold.metrics[part].get(metric, np.nan) for fold in source.folds], float)
        for source, name in zip(sources, comparison.names, strict=True)
    }
    caption = f"{label(metric)} of the {PARTS[part]} part of each fold; the bar is the mean."
    return Figure(spread(groups, label(metric)), caption)


def _settings(comparison: Comparison) -> Table | None:
    """The settings that are not the same in all runs."""
    every = [_flat(source) for source in comparison.sources]
    names = list(dict.fromkeys(name for one in every for name in one))
    changed = [name for name in names if len({str(one.get(name)) for one in every}) > 1]
    if not changed:
        return None
    if len(changed) > _MOST:
        comparison.left_out.append(LeftOut(f"{len(changed) - _MOST} settings that differ", "only the first are shown"))
    rows = [[name, *(_setting(one.get(name)) for one in every)] for name in changed[:_MOST]]
    return Table(["setting", *comparison.names], rows, caption="Settings that differ")


def _flat(source: Source) -> dict[str, Any]:
    if source.is_encoder:
        return {}
    values: dict[str, Any] = {}
    for name, value in source.config.to_dict().items():
        if isinstance(value, dict):
            values |= {name: value.get("name")} | {f"{name} {key}": one for key, one in value.items() if key != "name"}
        else:
            values[name] = value
    return values


def _setting(value: Any) -> str:
    return "–" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
