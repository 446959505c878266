"""Writes the tables of the finished cells of `benchmarks.mil`."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import mil
from benchmarks._report import RESULTS, report, spread, without_zeros
from benchmarks.mil import grid
from benchmarks.mil.cost import NAME as SPEED
from benchmarks.mil.cost import RAGGED
from benchmarks.mil.grid import ARMS
from xgraph.training.scoring.metrics import average_precision, roc_auc, two_way_pauc

PARTS = 10
"""Folds of a repetition."""
REFERENCE = "attention-bce"
POOLED = {"att": "attention", "smx": "smx"}
PAIRS = [*((arm, REFERENCE) for arm in ARMS if arm != REFERENCE)]
PAIRS += [(f"midam-{short}{state}", f"{full}-aucm") for state in ("", "-slow") for short, full in POOLED.items()]
"""Arms compared fold by fold; the last four show what sampling instances costs."""
METRICS: dict[str, Callable[[Any, Any], float]] = {
    "ROC-AUC": roc_auc,
    "AP": average_precision,
    "TPAUC (.5, .5)": lambda y, s: two_way_pauc(y, s, 0.5, 0.5),
    "TPAUC (.3, .7)": lambda y, s: two_way_pauc(y, s, 0.3, 0.7),
    "TPAUC (.1, .9)": lambda y, s: two_way_pauc(y, s, 0.1, 0.9),
}
"""Metrics; two-way partial areas are given as (TPR ≥, FPR ≤)."""
PUBLISHED = {
    "musk2": {
        "AUC-M (att)": [0.675, 0.783, 0.867],
        "MIDAM (smx)": [0.525, 0.667, 0.800],
        "MIDAM (att)": [0.600, 0.717, 0.819],
        "SOTAs (att)": [0.600, 0.683, 0.819],
        "SONT (att)": [0.700, 0.800, 0.867],
    },
    "fox": {
        "AUC-M (att)": [0.032, 0.253, 0.444],
        "MIDAM (smx)": [0.048, 0.265, 0.449],
        "MIDAM (att)": [0.016, 0.249, 0.509],
        "SOTAs (att)": [0.024, 0.278, 0.477],
        "SONT (att)": [0.120, 0.343, 0.578],
    },
}
"""TPAUC of Hu et al., NeurIPS 2023: other splits (a fixed tenth to test on, five trainings), margin and rate tuned."""
INTRODUCTION = "All metrics and paired differences; conclusions: `docs/results/bags.md`."
Folds = dict[int, dict[str, float]]


def summarize(out: Path) -> None:
    """Write the JSON file and a Markdown file."""
    results = {(data, arm): read(out, data, arm) for data in grid.DATASETS for arm in ARMS}
    results = {key: folds for key, folds in results.items() if folds}
    rows = [row(data, arm, folds) for (data, arm), folds in results.items()]
    text = ["# Bags of instances", "", INTRODUCTION, "", *settings_tried(out)]
    for data in grid.DATASETS:
        if any(key[0] == data for key in results):
            text += ["", f"## {data}", "", *scores(data, results), "", *differences(data, results)]
            text += ["", *published(data, results)] if data in PUBLISHED else []
    if (path := RESULTS / f"{SPEED}.json").exists():
        text += ["", "## Time and memory", "", *speed(json.loads(path.read_text()))]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "mil.md").write_text(without_zeros("\n".join(text) + "\n"))
    values = {
        f"{data} {arm}": {name: " ".join(f"{one[name]:.4f}" for _, one in sorted(folds.items())) for name in METRICS}
        for (data, arm), folds in results.items()
    }
    less = [
        {"data": data, "arm": arm, "less": other, "metric": name}
        | paired(results[data, arm], results[data, other], name)
        for data in grid.DATASETS
        for arm, other in PAIRS
        for name in METRICS
        if (data, arm) in results and (data, other) in results
    ]
    report("mil", rows, protocol=mil.__doc__, paired=less, folds=values, cpu_seconds=seconds(out))
    print("\n".join(text))


def read(out: Path, data: str, arm: str) -> Folds:
    """Return the metrics of an arm's finished folds with its chosen settings; NaN if a test part has one class."""
    settings = grid.chosen(out, arm)
    paths = {} if settings is None else {f: grid.place(out, grid.cell(data, arm, *settings, f)) for f in grid.FOLDS}
    cells = {fold: json.loads(path.read_text()) for fold, path in paths.items() if path.exists()}
    return {
        fold: {name: metric(one["y"], one["scores"]) for name, metric in METRICS.items()} for fold, one in cells.items()
    }


def seconds(out: Path) -> float:
    """Return the processor time of all cells."""
    return sum(json.loads(path.read_text())["cpu_seconds"] for path in sorted(out.glob("*/*-epochs*.json")))


def row(data: str, arm: str, folds: Folds) -> dict[str, Any]:
    """Return all figures of an arm."""
    lost = sum(math.isnan(one["ROC-AUC"]) for one in folds.values())
    figures: dict[str, Any] = {"data": data, "arm": arm, "folds": len(folds), "of one class": lost}
    for name in METRICS:
        figures[name] = spread([one[name] for one in folds.values() if not math.isnan(one[name])], 3)
    return figures


def paired(folds: Folds, others: Folds, name: str) -> dict[str, Any]:
    """Summarise differences fold by fold."""
    values = {fold: folds[fold][name] - others[fold][name] for fold in sorted(folds.keys() & others.keys())}
    values = {fold: value for fold, value in values.items() if not math.isnan(value)}
    repetitions: dict[int, list[float]] = {}
    for fold, value in values.items():
        repetitions.setdefault(fold // PARTS, []).append(value)
    means = [statistics.mean(some) for some in repetitions.values() if len(some) == PARTS]
    error = statistics.stdev(means) / math.sqrt(len(means)) if len(means) > 1 else None
    return {
        "mean": spread(list(values.values()), 3, signed=True),
        "standard_error": None if error is None else round(error, 4),
        "better": sum(value > 0 for value in values.values()),
        "worse": sum(value < 0 for value in values.values()),
    }


def settings_tried(out: Path) -> list[str]:
    """Return the table of scores by which learning rates and γ were chosen."""
    lines = [f"ROC-AUC by which learning rates were chosen, {' / '.join(grid.TUNED)} (γ = {grid.GAMMA:g}):", ""]
    lines += ["| | " + " | ".join(f"{lr:g}" for lr in grid.RATES) + " | chosen |", "|---" * (len(grid.RATES) + 2) + "|"]
    for arm, what in ARMS.items():
        means = grid.tried(out, arm) or {}
        for gamma in dict.fromkeys(gamma for _, gamma in means):
            texts = [" / ".join(f"{means[lr, gamma][data]:.3f}" for data in grid.TUNED) for lr in grid.RATES]
            title = what.title + (f", {gamma:g}" if gamma != grid.GAMMA else "")
            rate, best = grid.best(means)
            lines.append(f"| {title} | {' | '.join(texts)} | {f'{rate:g}' if gamma == best else ''} |")
    return lines


def scores(data: str, results: dict[tuple[str, str], Folds]) -> list[str]:
    """Return the metrics by arm, in Markdown."""
    lines = [f"| {data} | folds | {' | '.join(METRICS)} |", "|---" * (len(METRICS) + 2) + "|"]
    for arm, what in ARMS.items():
        if folds := results.get((data, arm)):
            one = row(data, arm, folds)
            number = f"{one['folds']}" + (f", {one['of one class']} of one class" if one["of one class"] else "")
            lines.append(f"| {what.title} | {number} | {' | '.join(one[name] for name in METRICS)} |")
    return lines


def differences(data: str, results: dict[tuple[str, str], Folds]) -> list[str]:
    """Return the paired differences, in Markdown."""
    shown = ["ROC-AUC", "AP", "TPAUC (.5, .5)"]
    lines = ["Paired differences: mean ± standard deviation over folds [standard error of the repetitions' means], "]
    lines[0] += "folds better / worse:"
    lines += ["", f"| | minus | {' | '.join(shown)} |", "|---" * (len(shown) + 2) + "|"]
    for arm, other in PAIRS:
        folds, others = results.get((data, arm)), results.get((data, other))
        if folds and others:
            texts = []
            for name in shown:
                one = paired(folds, others, name)
                error = "" if one["standard_error"] is None else f" [{one['standard_error']:.3f}]"
                texts.append(f"{one['mean']}{error}, {one['better']} / {one['worse']}")
            lines.append(f"| {ARMS[arm].title} | {ARMS[other].title} | {' | '.join(texts)} |")
    return lines


def published(data: str, results: dict[tuple[str, str], Folds]) -> list[str]:
    """Return published two-way areas and the best of ours, in Markdown."""
    names = list(METRICS)[2:]
    lines = [f"| published, {data} | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for method, values in PUBLISHED[data].items():
        lines.append(f"| *{method}* | {' | '.join(f'*{value:.3f}*' for value in values)} |")
    best = []
    for name in names:
        means = {
            arm: statistics.mean(one[name] for one in results[data, arm].values() if not math.isnan(one[name]))
            for arm in ARMS
            if (data, arm) in results
        }
        arm = max(means, key=lambda arm: means[arm])
        best.append(f"{means[arm]:.3f} ({arm})")
    lines.append(f"| best of ours | {' | '.join(best)} |")
    return lines


def speed(measured: dict[str, Any]) -> list[str]:
    """Return time and memory, in Markdown."""
    lines = [measured["protocol"] + ".", ""]
    lines += ["| bags | model | instances | | ms | of which batching | × ours | MiB | MiB without the batch |"]
    lines.append("|---" * 9 + "|")
    for one in measured["rows"]:
        who = one["library"] + ("" if one["as"] == "one batch" else f", {one['as']}")
        shape = f"**{one['shape']}**" if one["shape"] == RAGGED else one["shape"]
        lines.append(
            f"| {shape} | {one['model']} | {one['instances']} | {who} | {one['ms']:.3g} | {one['batch_ms']:.2g} | "
            f"{one['× ours']:.1f} | {one['mib']:.1f} | {one['step_mib']:.1f} |"
        )
    return lines
