"""All metrics of a run beside those of its baseline, and what they mean."""

from typing import Any

from xgraph.reports.measures.names import PARTS, label, meaning
from xgraph.reports.page.blocks import Block, Section, Table, Text
from xgraph.reports.page.numbers import shown
from xgraph.reports.source import Source


def section(source: Source) -> Section | None:
    """Return the table of metrics; None for a run that reports none."""
    columns = _columns(source)
    if not columns:
        return None
    names = list(dict.fromkeys(name for values, _ in columns.values() for name in values))
    rows = []
    for name in names:
        cells: list[Any] = [label(name)]
        for values, std in columns.values():
            value = values.get(name)
            cells.append(value if std is None else f"{shown(value)} ± {shown(std.get(name))}")
        rows.append(cells)
    blocks: list[Block] = [Table(["metric", *columns], rows)]
    decided = _decisions(source)
    if decided:
        blocks.append(decided)
    blocks += [Text(text) for text in _remarks(source)]
    more = [] if source.predicts_numbers else ["balanced_accuracy", "f1", "mcc"]
    known = [[label(name), meaning(name)] for name in dict.fromkeys([*names, *more]) if meaning(name)]
    blocks.append(Table(["metric", "meaning"], known, caption="What the metrics mean", folded=True))
    return Section("Results", blocks)


def _columns(source: Source) -> dict[str, tuple[dict[str, Any], dict[str, Any] | None]]:
    """Metrics and standard deviations by the name of their column."""
    metrics = source.metrics
    columns = {PARTS[part]: _values(metrics[part]) for part in source.parts}
    others = [metrics[name] for name in ("network", "baseline") if name in metrics]
    for other in (one for one in others if one.get("model") != metrics.get("chosen")):
        columns |= {f"{other['model']}, {PARTS[part]}": _values(other[part]) for part in source.parts if part in other}
    return columns


def _values(part: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    return (part["mean"], part.get("std", {})) if "mean" in part else (part, None)


def _decisions(source: Source) -> Table | None:
    details = source.metrics.get("details", {})
    parts = {part: details[part]["at_threshold"] for part in source.parts if "at_threshold" in details.get(part, {})}
    if not parts:
        return None
    names = list(dict.fromkeys(name for one in parts.values() for name in one))
    rows = [[label(name), *(one.get(name) for one in parts.values())] for name in names]
    caption = "Decisions at the threshold with the best F1 on the validation part"
    return Table(["metric", *(PARTS[part] for part in parts)], rows, caption=caption)


def _remarks(source: Source) -> list[str]:
    texts = []
    details = source.metrics.get("details", {})
    part = next((name for name in ("test", "valid") if name in details), None)
    if source.predicts_numbers and len(source.tasks) > 1:
        texts.append(f"Means over the {len(source.tasks):,} targets.")
    elif part is not None and len(details[part]["tasks"]) > 1:
        both, every = details[part]["tasks_with_both_classes"], len(details[part]["tasks"])
        what = "classes" if source.several_classes else "tasks"
        texts.append(
            f"Ranking metrics are means over the {both:,} of {every:,} {what} that have both labels in the "
            f"{PARTS[part]} part."
        )
    rates = source.first.metrics.get("positive_rate", {})
    rate = rates.get("test", rates.get("valid"))
    if rate is not None and rate == rate and not source.folds:
        texts.append(f"A random ranking has an AP of {shown(rate)} and a ROC AUC of 0.5.")
    if source.over:
        texts.append(f"Mean ± standard deviation over {source.over}.")
    return texts
