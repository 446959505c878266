"""The folds of a run, and their spread."""

import numpy as np

from xgraph.reports.figures.scores import spread
from xgraph.reports.measures.names import PARTS, label
from xgraph.reports.page.blocks import Figure, Section, Table
from xgraph.reports.source import Source

_METRICS = ("accuracy", "ap", "roc_auc", "prc_auc")


def section(source: Source) -> Section | None:
    """Return the metrics of each fold; None for a run without folds."""
    if not source.folds:
        return None
    part = next((name for name in ("test", "valid") if name in source.parts), None)
    if part is None:
        return None
    wanted = dict.fromkeys((source.metric, *_METRICS))
    names = [name for name in wanted if all(name in fold.metrics.get(part, {}) for fold in source.folds)]
    groups = {label(name): np.array([fold.metrics[part][name] for fold in source.folds], float) for name in names}
    rows = [[_name(fold), *(fold.metrics[part][name] for name in names)] for fold in source.folds]
    for what, value in (("mean", np.nanmean), ("standard deviation", lambda one: np.nanstd(one, ddof=1))):
        if len(source.folds) > 1:
            rows.append([what, *(float(value(one)) if np.isfinite(one).any() else None for one in groups.values())])
    table = Table(["fold", *groups], rows, sortable=True)
    figure = Figure(spread(groups, "value"), "One point per fold; the bar is the mean.")
    return Section("Folds", [figure, table], f"{PARTS[part].capitalize()} part of each fold.")


def _name(source: Source) -> str:
    return source.path.name.removeprefix("fold_")
