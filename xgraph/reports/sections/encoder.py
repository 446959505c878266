"""The report on a pretrained encoder, which has no task of its own to be measured on."""

import tomllib
from typing import Any

from xgraph.reports.figures.training import Marks, over_epochs
from xgraph.reports.measures.names import label
from xgraph.reports.page.blocks import Block, Code, Facts, Figure, LeftOut, Section, Table, Text
from xgraph.reports.source import Source
from xgraph.training.files.rundir import CONFIG

_ABOUT = {
    "multitask": "The encoder learned all labels of the joined data sets by cross-entropy.",
    "contrastive": "The encoder used no labels: it learned to recognise a molecule from a masked copy.",
    "two-tower": "The encoder used no labels: it learned to match molecules with the texts that describe them.",
}


def overview(source: Source) -> Section | None:
    """Return what the encoder was pretrained on, and how."""
    metrics = source.metrics
    settings = tomllib.loads((source.path / CONFIG).read_text(encoding="utf-8"))
    pairs: list[tuple[str, Any]] = [("data sets", ", ".join(map(str, settings.get("datasets", []))))]
    pairs += [("molecules", metrics.get("molecules")), ("objective", metrics["objective"])]
    if metrics.get("tasks"):
        pairs.append(("tasks", metrics["tasks"]))
    pairs += [(f"molecules: {name.replace('_', ' ')}", value) for name, value in metrics.get("joined", {}).items()]
    model = settings.get("model", "unknown")
    pairs.append(("model", model["name"] if isinstance(model, dict) else model))
    pairs += [("epochs", metrics.get("epochs")), ("seed", str(settings.get("seed", 0)))]
    blocks: list[Block] = [
        Text(
            f"This is a pretrained encoder for other runs to start from. {_ABOUT.get(metrics['objective'], '')} "
            "The figures below are measured on held-out molecules; they do not say how well a later run will do."
        ),
        Facts(pairs),
        Text("To start a run from it:"),
        Code(f"xgraph train DATASET --init {source.path}"),
    ]
    source.left_out.append(LeftOut("test part, ranking and calibration", "a pretrained encoder makes no predictions"))
    return Section("Overview", blocks)


def results(source: Source) -> Section | None:
    """Return what was measured on the held-out molecules."""
    values = source.metrics.get("valid", {})
    rows = [[label(name), value] for name, value in values.items()]
    return Section("Results", [Table(["metric", "held-out molecules"], rows)]) if rows else None


def curves(source: Source) -> Section | None:
    """Return the curves of pretraining."""
    history = source.history
    if history is None:
        source.left_out.append(LeftOut("curves of pretraining", "the run has no metrics.csv"))
        return None
    marks = Marks(source.metrics.get("last_epoch"), {})
    names = ["train_loss", *(name for name in history.columns if name.startswith("valid_"))]
    figures: list[Block] = []
    for name in names[:6]:
        values = history[name].to_numpy(dtype=float)
        title = "Loss, training molecules" if name == "train_loss" else label(name.removeprefix("valid_"))
        where = "training" if name == "train_loss" else "held-out"
        svg = over_epochs({name: (history["epoch"].to_numpy(), values)}, marks, y=title, title=title)
        figures.append(Figure(svg, f"{title.split(',')[0]} of the {where} molecules."))
    return Section("Training", figures)
