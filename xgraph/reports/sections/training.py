"""Curves of loss, metrics and learning rate over the epochs."""

from typing import Any

from xgraph.reports.figures.training import Marks, over_epochs, stages
from xgraph.reports.measures.names import label
from xgraph.reports.page.blocks import Block, Figure, LeftOut, Section
from xgraph.reports.source import Source

_METRICS = ("accuracy", "ap", "roc_auc", "prc_auc", "bedroc", "r2", "pearson", "spearman")
"""Metrics that have a line beside that of the tracked one."""


def section(source: Source) -> Section | None:
    """Return the curves; None for a model that is fitted in a single step."""
    members = [one for one in source.leaves if one.history is not None]
    if not members or source.config.fitted:
        if not source.config.fitted:
            source.left_out.append(LeftOut("curves of training", "the run has no metrics.csv"))
        return None
    first = members[0].history
    columns = [] if first is None else list(first.columns)
    kept = members[0].metrics.get("best_epoch", members[0].metrics.get("last_epoch")) if len(members) == 1 else None
    marks = Marks(kept, {} if first is None else stages(first))
    figures: list[Block] = [_loss(source, members, marks)]
    if f"valid_{source.metric}" in columns:
        figures.append(_tracked(source, members, marks))
        others = [name for name in _METRICS if name != source.metric and f"valid_{name}" in columns]
        if len(members) == 1 and others:
            lines = {label(name): _line(members[0], f"valid_{name}") for name in others}
            svg = over_epochs(lines, marks, y="metric", title="Other metrics, validation part")
            figures.append(Figure(svg, "Metrics of the validation part after each epoch."))
    else:
        source.left_out.append(LeftOut("curves of metrics", "the run has no validation part to measure them on"))
    figures.append(_rate(members[0], marks))
    return Section("Training", figures, _note(source, marks))


def _loss(source: Source, members: list[Source], marks: Marks) -> Figure:
    config = source.config
    lines = {_name(one, source): _line(one, "train_loss") for one in members}
    loss = config.loss if len(marks.stages) < 2 else f"cross-entropy, then {config.loss}"
    svg = over_epochs(lines, marks, y="mean loss", title="Loss, training part", split_by_stage=True)
    caption = f"Mean loss of each epoch: {loss}."
    if len(marks.stages) > 1:
        caption += " The two stages minimise different losses, so their values do not compare."
    return Figure(svg, caption)


def _tracked(source: Source, members: list[Source], marks: Marks) -> Figure:
    metric = source.metric
    baseline = source.metrics.get("baseline", {})
    part = baseline.get("valid", {})
    value = part.get("mean", part).get(metric)
    lines = {_name(one, source): _line(one, f"valid_{metric}") for one in members}
    name = f"baseline ({baseline.get('model')})"
    title = f"{label(metric)}, validation part"
    svg = over_epochs(lines, marks, y=label(metric), title=title, baseline=value, baseline_name=name)
    caption = f"{label(metric)} of the validation part, which selects the epoch"
    caption += f"; dashed: the baseline, {baseline.get('model')}." if value is not None else "."
    return Figure(svg, caption)


def _rate(source: Source, marks: Marks) -> Figure:
    svg = over_epochs({"lr": _line(source, "lr")}, marks, y="learning rate", title="Learning rate", from_zero=True)
    return Figure(svg, "Learning rate of each epoch.")


def _line(source: Source, column: str) -> tuple[Any, Any]:
    history = source.history
    if history is None or column not in history:
        return [], []
    return history["epoch"].to_numpy(), history[column].to_numpy(dtype=float)


def _name(one: Source, source: Source) -> str:
    """The place of a single run in the run that it belongs to."""
    return str(one.path.relative_to(source.path)).replace("_", " ")


def _note(source: Source, marks: Marks) -> str:
    texts = []
    if len(marks.stages) > 1:
        texts.append("Grey background: the first stage, with cross-entropy.")
    if marks.kept is not None:
        texts.append("Green line: the epoch that was kept.")
    if source.over:
        texts.append(f"One line per {'fold' if source.folds else 'seed'}.")
    return " ".join(texts)
