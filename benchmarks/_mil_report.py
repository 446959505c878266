"""Tables of what `benchmarks.mil` has finished."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import mil as grid
from benchmarks._mil_cost import NAME as SPEED
from benchmarks._mil_cost import RAGGED
from benchmarks._mil_runs import ARMS
from benchmarks._report import RESULTS, report
from xgraph.training.scoring.metrics import average_precision, roc_auc, two_way_pauc

PARTS = 10
"""Folds of a repetition."""
REFERENCE = "attention-bce"
POOLED = {"att": "attention", "smx": "smx"}
PAIRS = [*((arm, REFERENCE) for arm in ARMS if arm != REFERENCE)]
PAIRS += [(f"midam-{short}{state}", f"{full}-aucm") for state in ("", "-slow") for short, full in POOLED.items()]
"""What is compared fold by fold; the last four are what sampling costs."""
METRICS: dict[str, Callable[[Any, Any], float]] = {
    "ROC-AUC": roc_auc,
    "AP": average_precision,
    "TPAUC (.5, .5)": lambda y, s: two_way_pauc(y, s, 0.5, 0.5),
    "TPAUC (.3, .7)": lambda y, s: two_way_pauc(y, s, 0.3, 0.7),
    "TPAUC (.1, .9)": lambda y, s: two_way_pauc(y, s, 0.1, 0.9),
}
"""The two-way areas at (TPR ≥, FPR ≤)."""
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
"""TPAUC of the SONX paper: other splits (a fixed tenth for the test, five trainings), a tuned margin and rate."""
Folds = dict[int, dict[str, float]]


def summarize(out: Path) -> None:
    """Write the JSON file and a Markdown file.

    Args:
        out: Where finished cells are.
    """
    found = {(data, arm): read(out, data, arm) for data in grid.DATASETS for arm in ARMS}
    found = {key: folds for key, folds in found.items() if folds}
    rows = [row(data, arm, folds) for (data, arm), folds in found.items()]
    text = ["# Bags of instances", "", *settings_tried(out)]
    for data in grid.DATASETS:
        if any(key[0] == data for key in found):
            text += ["", f"## {data}", "", *scores(data, found), "", *differences(data, found)]
            text += ["", *published(data, found)] if data in PUBLISHED else []
    if (path := RESULTS / f"{SPEED}.json").exists():
        text += ["", "## Time and memory", "", *speed(json.loads(path.read_text()))]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "mil.md").write_text("\n".join(text) + "\n")
    values = {
        f"{data} {arm}": {name: " ".join(f"{one[name]:.4f}" for _, one in sorted(folds.items())) for name in METRICS}
        for (data, arm), folds in found.items()
    }
    less = [
        {"data": data, "arm": arm, "less": other, "metric": name} | paired(found[data, arm], found[data, other], name)
        for data in grid.DATASETS
        for arm, other in PAIRS
        for name in METRICS
        if (data, arm) in found and (data, other) in found
    ]
    report("mil", rows, protocol=grid.__doc__, paired=less, folds=values, cpu_seconds=seconds(out))
    print("\n".join(text))


def read(out: Path, data: str, arm: str) -> Folds:
    """Metrics of the finished folds of an arm with the settings that were chosen; NaN where a test part has one class.

    Args:
        out: Where finished cells are.
        data: Data set.
        arm: The arm.
    """
    settings = grid.chosen(out, arm)
    paths = {} if settings is None else {f: grid.place(out, grid.cell(data, arm, *settings, f)) for f in grid.FOLDS}
    cells = {fold: json.loads(path.read_text()) for fold, path in paths.items() if path.exists()}
    return {
        fold: {name: metric(one["y"], one["scores"]) for name, metric in METRICS.items()} for fold, one in cells.items()
    }


def seconds(out: Path) -> float:
    """Processor time of all cells.

    Args:
        out: Where they are.
    """
    return sum(json.loads(path.read_text())["cpu_seconds"] for path in sorted(out.glob("*/*-epochs*.json")))


def row(data: str, arm: str, folds: Folds) -> dict[str, Any]:
    """All figures of an arm.

    Args:
        data: Data set.
        arm: The arm.
        folds: Its folds.
    """
    lost = sum(math.isnan(one["ROC-AUC"]) for one in folds.values())
    made: dict[str, Any] = {"data": data, "arm": arm, "folds": len(folds), "of one class": lost}
    return made | {name: spread([one[name] for one in folds.values() if not math.isnan(one[name])]) for name in METRICS}


def spread(values: list[float], signed: bool = False) -> str:
    """Mean ± standard deviation.

    Args:
        values: Of these.
        signed: Whether to write the sign of the mean.

    Example:
        >>> spread([0.5, 0.7]), spread([-0.25], signed=True)
        ('0.600 ± 0.141', '-0.250')
    """
    if not values:
        return ""
    mean = f"{statistics.mean(values):{'+' if signed else ''}.3f}"
    return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values):.3f}"


def paired(folds: Folds, others: Folds, name: str) -> dict[str, Any]:
    """Differences fold by fold.

    Args:
        folds: Of an arm.
        others: Of what it is compared with.
        name: The metric.

    Returns:
        Mean ± standard deviation over the folds; the standard error of the mean over repetitions (of those that are
        complete); and on how many folds the arm is better and worse.

    Example:
        >>> one = {fold: {"AP": 0.5 + fold / 100} for fold in range(20)}
        >>> paired(one, {fold: {"AP": 0.5} for fold in range(20)}, "AP")
        {'mean': '+0.095 ± 0.059', 'standard_error': 0.05, 'better': 19, 'worse': 0}
    """
    values = {fold: folds[fold][name] - others[fold][name] for fold in sorted(folds.keys() & others.keys())}
    values = {fold: value for fold, value in values.items() if not math.isnan(value)}
    repetitions: dict[int, list[float]] = {}
    for fold, value in values.items():
        repetitions.setdefault(fold // PARTS, []).append(value)
    means = [statistics.mean(some) for some in repetitions.values() if len(some) == PARTS]
    error = statistics.stdev(means) / math.sqrt(len(means)) if len(means) > 1 else None
    return {
        "mean": spread(list(values.values()), signed=True),
        "standard_error": None if error is None else round(error, 4),
        "better": sum(value > 0 for value in values.values()),
        "worse": sum(value < 0 for value in values.values()),
    }


def settings_tried(out: Path) -> list[str]:
    """What rates and γ were chosen by.

    Args:
        out: Where finished cells are.
    """
    lines = [f"ROC-AUC by which rates were chosen, {' / '.join(grid.TUNED)} (γ = {grid.GAMMA:g}):", ""]
    lines += ["| | " + " | ".join(f"{lr:g}" for lr in grid.RATES) + " | chosen |", "|---" * (len(grid.RATES) + 2) + "|"]
    for arm, what in ARMS.items():
        found = grid.tried(out, arm) or {}
        for gamma in dict.fromkeys(gamma for _, gamma in found):
            texts = [" / ".join(f"{found[lr, gamma][data]:.3f}" for data in grid.TUNED) for lr in grid.RATES]
            title = what.title + (f", {gamma:g}" if gamma != grid.GAMMA else "")
            rate, best = grid.best(found)
            lines.append(f"| {title} | {' | '.join(texts)} | {f'{rate:g}' if gamma == best else ''} |")
    return lines


def scores(data: str, found: dict[tuple[str, str], Folds]) -> list[str]:
    """Metrics by arm, in Markdown.

    Args:
        data: Data set.
        found: All folds.
    """
    lines = [f"| {data} | folds | {' | '.join(METRICS)} |", "|---" * (len(METRICS) + 2) + "|"]
    for arm, what in ARMS.items():
        if folds := found.get((data, arm)):
            one = row(data, arm, folds)
            number = f"{one['folds']}" + (f", {one['of one class']} of one class" if one["of one class"] else "")
            lines.append(f"| {what.title} | {number} | {' | '.join(one[name] for name in METRICS)} |")
    return lines


def differences(data: str, found: dict[tuple[str, str], Folds]) -> list[str]:
    """Paired differences, in Markdown.

    Args:
        data: Data set.
        found: All folds.
    """
    shown = ["ROC-AUC", "AP", "TPAUC (.5, .5)"]
    lines = ["Paired differences: mean ± standard deviation over folds [standard error of the repetitions' means], "]
    lines[0] += "folds better / worse:"
    lines += ["", f"| | less | {' | '.join(shown)} |", "|---" * (len(shown) + 2) + "|"]
    for arm, other in PAIRS:
        folds, others = found.get((data, arm)), found.get((data, other))
        if folds and others:
            texts = []
            for name in shown:
                one = paired(folds, others, name)
                error = "" if one["standard_error"] is None else f" [{one['standard_error']:.3f}]"
                texts.append(f"{one['mean']}{error}, {one['better']} / {one['worse']}")
            lines.append(f"| {ARMS[arm].title} | {ARMS[other].title} | {' | '.join(texts)} |")
    return lines


def published(data: str, found: dict[tuple[str, str], Folds]) -> list[str]:
    """Published two-way areas beside the best of ours, in Markdown.

    Args:
        data: Data set.
        found: All folds.
    """
    names = list(METRICS)[2:]
    lines = [f"| published, {data} | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for method, values in PUBLISHED[data].items():
        lines.append(f"| *{method}* | {' | '.join(f'*{value:.3f}*' for value in values)} |")
    best = []
    for name in names:
        means = {
            arm: statistics.mean(one[name] for one in found[data, arm].values() if not math.isnan(one[name]))
            for arm in ARMS
            if (data, arm) in found
        }
        arm = max(means, key=lambda arm: means[arm])
        best.append(f"{means[arm]:.3f} ({arm})")
    lines.append(f"| best of ours | {' | '.join(best)} |")
    return lines


def speed(measured: dict[str, Any]) -> list[str]:
    """Time and memory, in Markdown.

    Args:
        measured: Content of the results file.
    """
    lines = [measured["protocol"] + ".", ""]
    lines += ["| bags | model | instances | | ms | of which the batch | × ours | MiB | MiB without the batch |"]
    lines.append("|---" * 9 + "|")
    for one in measured["rows"]:
        who = one["library"] + ("" if one["as"] == "one batch" else f", {one['as']}")
        shape = f"**{one['shape']}**" if one["shape"] == RAGGED else one["shape"]
        lines.append(
            f"| {shape} | {one['model']} | {one['instances']} | {who} | {one['ms']:.3g} | {one['batch_ms']:.2g} | "
            f"{one['× ours']:.1f} | {one['mib']:.1f} | {one['step_mib']:.1f} |"
        )
    return lines
