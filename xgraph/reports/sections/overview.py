"""What was trained, on what, with which command, and what it reached."""

import json
from typing import Any

from xgraph.data import list_cards
from xgraph.reports.measures.curves import INTERVALS, Samples, interval
from xgraph.reports.measures.names import PARTS, label
from xgraph.reports.measures.rankings import shown
from xgraph.reports.page.blocks import Block, Code, Facts, Numbers, Section, Text
from xgraph.reports.page.numbers import shown as as_text
from xgraph.reports.source import Source
from xgraph.training.config.command import train_command
from xgraph.training.files.rundir import ENVIRONMENT

_SHOWN = 4


def section(source: Source) -> Section | None:
    """Return the overview of a run."""
    config = source.config
    command = train_command(config, source.path)
    blocks: list[Block] = [
        Numbers(_numbers(source)),
        Facts(_facts(source)),
        Text("The command that repeats the run:"),
        Code(command),
    ]
    return Section("Overview", blocks)


def _numbers(source: Source) -> list[tuple[str, Any, str]]:
    """The metrics that matter most, on the last part that was scored."""
    part = next((name for name in ("test", "valid") if name in source.parts), None)
    if part is None:
        return []
    own = source.metrics[part]
    mean, std = own.get("mean", own), own.get("std", {})
    extra = ("ef_1", "bedroc") if source.kind == "graph" else ("prc_auc",)
    usual = ("rmse", "mae", "r2", "spearman") if source.predicts_numbers else ("ap", "roc_auc", "accuracy", *extra)
    names = [name for name in dict.fromkeys((source.metric, *usual)) if name in mean]
    limits = _intervals(source) if not std else {}
    numbers: list[tuple[str, Any, str]] = []
    for name in names[:_SHOWN]:
        remarks = []
        if name in std:
            remarks.append(f"± {as_text(std[name])} over {source.over}")
        if name in limits:
            remarks.append("95 % interval {} to {}".format(*map(as_text, limits[name])))
        baseline = source.metrics.get("baseline", {}).get(part, {})
        other = baseline.get("mean", baseline).get(name)
        if other is not None:
            remarks.append(f"baseline {as_text(other)}")
        numbers.append((f"{label(name)}, {PARTS[part]}", mean[name], "; ".join(remarks)))
    return numbers


def _intervals(source: Source) -> dict[str, tuple[float, float]]:
    """Bootstrap intervals of the metrics of a run with a single task."""
    members = shown(source)
    if source.several_classes or source.predicts_numbers or len(source.tasks) != 1 or len(members) != 1:
        return {}
    swept = source.predictions.sweeps(members[0].part)
    if not swept:
        return {}
    samples = Samples(swept[0])
    return {name: interval(values(samples)) for name, values in INTERVALS.items()}


def _facts(source: Source) -> list[tuple[str, Any]]:
    config, metrics, first = source.config, source.metrics, source.first.metrics
    card = {one.name: one for one in list_cards()}.get(config.dataset)
    pairs: list[tuple[str, Any]] = [("data set", config.dataset)]
    if card is not None and card.label_meaning and config.target_columns in (None, card.target_columns):
        pairs.append(("label", card.label_meaning))
    what = "classes" if source.several_classes else "targets" if source.predicts_numbers else "tasks"
    pairs.append((what, _listed(source.tasks)))
    pairs.append(("split", _split(source)))
    pairs.append(("model", _with_options("auto" if config.choose else config.model, config.model_options)))
    if not config.fitted:
        pairs.append(("loss", _with_options(config.loss, config.loss_options)))
        pairs.append(("epochs", _epochs(source)))
    if "choice" in metrics:
        values = ", ".join(f"{name} {as_text(value)}" for name, value in metrics["choice"].items())
        pairs.append(("chosen", f"{metrics['chosen']} by {label(source.metric)} on validation ({values})"))
    elif isinstance(metrics.get("chosen"), list):
        pairs.append(("chosen", "; ".join(map(str, metrics["chosen"]))))
    baseline = metrics.get("baseline", {})
    if baseline:
        pairs.append(("baseline", baseline.get("about") or f"none: {baseline.get('skipped', 'unknown')}"))
    if first.get("unreadable_rows"):
        pairs.append(("rows left out", f"{first['unreadable_rows']:,} that cannot be read"))
    pairs += [("seed", str(config.seed)), *_environment(source.first), ("run directory", str(source.path))]
    return pairs


def _epochs(source: Source) -> str:
    config = source.config
    text = f"{config.epochs:,}"
    if 0 < config.pretrain_epochs < config.epochs:
        text += f", the first {config.pretrain_epochs:,} with cross-entropy"
    kept = source.metrics.get("best_epoch", source.metrics.get("last_epoch"))
    return text + (f"; epoch {kept:,} is kept" if kept is not None else "")


def _split(source: Source) -> str:
    config = source.config
    if source.folds:
        return f"{len(source.folds)} folds"
    words = [config.split or "that of the data set"]
    if config.fold is not None:
        words.append(f"fold {config.fold}")
    if config.train_on != "train":
        words.append(f"trained on {config.train_on}")
    return ", ".join(words)


def _environment(source: Source) -> list[tuple[str, Any]]:
    """Version, machine and time, as far as they are known."""
    pairs: list[tuple[str, Any]] = []
    if source.history is not None and "seconds" in source.history:
        seconds = float(source.history["seconds"].sum())
        pairs.append(("training time", f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"))
    file = source.path / ENVIRONMENT
    if file.is_file():
        values = json.loads(file.read_text(encoding="utf-8"))
        versions, machine = values.get("versions", {}), values.get("machine", {})
        pairs.append(
            ("versions", ", ".join(f"{name} {versions[name]}" for name in ("xgraph", "torch") if name in versions))
        )
        pairs.append(("device", str(machine.get("device", "unknown"))))
    return pairs


def _with_options(name: str, options: dict[str, Any]) -> str:
    shown = ", ".join(f"{key} {value}" for key, value in options.items())
    return f"{name} ({shown})" if shown else name


def _listed(names: list[str], most: int = 6) -> str:
    some = ", ".join(names[:most])
    return some if len(names) <= most else f"{some} and {len(names) - most:,} more"
