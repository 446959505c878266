"""The folds or seeds of a run, and their spread."""

import numpy as np

from xgraph.reports.figures.scores import spread
from xgraph.reports.measures.names import PARTS, label
from xgraph.reports.page.blocks import Figure, Section, Table
from xgraph.reports.source import Source
from xgraph.training.scoring.direction import LOWER_IS_BETTER

_METRICS = ("accuracy", "ap", "roc_auc", "prc_auc", "rmse", "mae", "r2", "spearman")


def section(source: Source) -> Section | None:
    """Return the metrics of each fold or seed; None for a run without."""
    members, what = (source.folds, "fold") if source.folds else (source.seeds, "seed")
    part = next((name for name in ("test", "valid") if name in source.parts), None)
    if not members or part is None:
        return None
    wanted = dict.fromkeys((source.metric, *_METRICS))
    shown = [_metrics(one, part) for one in members]
    names = [name for name in wanted if all(name in metrics for metrics in shown)]
    groups = {label(name): np.array([metrics[name] for metrics in shown], float) for name in names}
    rows = [[_name(one), *(metrics[name] for name in names)] for one, metrics in zip(members, shown, strict=True)]
    for row, value in (("mean", np.nanmean), ("standard deviation", lambda one: np.nanstd(one, ddof=1))):
        if len(members) > 1:
            rows.append([row, *(float(value(one)) if np.isfinite(one).any() else None for one in groups.values())])
    together = source.metrics.get("ensemble", {}).get(part)
    if together and not source.folds:
        what_of = "prediction" if source.predicts_numbers else "score"
        rows.append([f"mean {what_of} of all", *(together.get(name) for name in names)])
    table = Table([what, *groups], rows, sortable=True)
    alike = [name for name in names if (name in LOWER_IS_BETTER) == (source.metric in LOWER_IS_BETTER)]
    drawn = {label(name): groups[label(name)] for name in alike}  # errors have units, other metrics have none
    figure = Figure(spread(drawn, "value"), f"One point per {what}; the bar is the mean.")
    return Section(f"{what.capitalize()}s", [figure, table], f"{PARTS[part].capitalize()} part of each {what}.")


def _metrics(source: Source, part: str) -> dict[str, float]:
    """Return the metrics of a run, or the mean of those of its seeds."""
    metrics: dict[str, float] = source.metrics.get(part, {}).get("mean") or source.metrics.get(part, {})
    return metrics


def _name(source: Source) -> str:
    return source.path.name.removeprefix("fold_").removeprefix("seed_")
