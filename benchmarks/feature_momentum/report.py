"""Writes tables and figures of the finished cells of `benchmarks.feature_momentum`."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from benchmarks import feature_momentum
from benchmarks._jobs import read
from benchmarks._report import RESULTS, report, spread, without_zeros
from benchmarks.feature_momentum import grid
from benchmarks.feature_momentum.figure import FANS, NAMES, figure

JOB = ("settings", "code", "seconds")
"""Keys that every job stores beside its figures."""


INTRODUCTION = (
    "Mean ± standard deviation over five seeds, or over the number in brackets; conclusions: "
    "`docs/results/feature-momentum.md`."
)


def summarize(out: Path) -> None:
    """Write the JSON file, a Markdown file, and a figure for each data set."""
    cells = [read(path) for path in sorted(out.glob("*/*.json"))]
    costs = costs_of(out)
    rows: list[dict[str, Any]] = []
    text = ["# Feature momentum", "", INTRODUCTION, ""]
    for name in grid.DATASETS:
        runs = [one for one in cells if one["settings"]["dataset"] == name]
        if not runs:
            continue
        groups = grouped(out, runs)
        rows += [row(key, group, groups) for key, group in sorted(groups.items(), key=order)]
        errors = [one for one in runs if one["settings"].get("track") and is_chosen(out, one["settings"])]
        text += [f"## {name}", "", *table(groups), "", *tried(runs), "", *error_table(errors), ""]
        figure(name, groups, errors)
    text += cost_table(costs)
    (RESULTS / "feature_momentum.md").write_text(without_zeros("\n".join(text).rstrip() + "\n"))
    compacted = [compact(one) for one in cells]
    report("feature_momentum", rows, protocol=feature_momentum.__doc__, costs=costs, runs=compacted)
    print("\n".join(text))


def compact(one: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a run that the results file keeps."""
    keys = ("dataset", "arm", "num_layers", "fan_out", "gamma", "gradient", "lr", "epochs", "valid_every", "seed")
    kept = {key: one["settings"][key] for key in keys}
    kept |= {key: one[key] for key in ("code", "epoch", "valid", "test", "cpu_seconds", "memory_mib")}
    kept["valid_curve"] = " ".join(f"{point['valid']:.4f}" for point in one["curve"])
    if one["settings"].get("track"):
        kept["errors"] = {point["epoch"]: str(point["error"]) for point in one["curve"]}
    return kept


def grouped(out: Path, runs: list[dict[str, Any]]) -> dict[tuple[int, str, str], Any]:
    """Return the runs with the chosen settings by layers, fan-out and arm, then by seed."""
    groups: dict[tuple[int, str, str], Any] = {}
    for one in runs:
        settings = one["settings"]
        if not settings.get("track") and is_chosen(out, settings):
            arm = f"{settings['arm']}, {grid.LONG} epochs" if settings["epochs"] == grid.LONG else settings["arm"]
            groups.setdefault((settings["num_layers"], settings["fan_out"], arm), {})[settings["seed"]] = one
    return groups


def is_chosen(out: Path, settings: dict[str, Any]) -> bool:
    """Return whether a cell has the chosen settings; True if nothing has been chosen yet."""
    arm = settings["arm"]
    cells = grid.candidates(settings["dataset"], arm, settings["num_layers"], settings["fan_out"])
    best = grid.chosen(out, cells, *grid.CHOSEN[arm]) or {}
    if settings["epochs"] == grid.LONG:
        best.pop("epochs", None)
    return all(settings[key] == value for key, value in best.items())


def order(item: tuple[tuple[int, str, str], Any]) -> tuple[int, int, str]:
    """Return the sort key of a group."""
    layers, fan_out, arm = item[0]
    return layers, FANS.index(fan_out), arm


def row(key: tuple[int, str, str], runs: dict[int, Any], groups: dict[tuple[int, str, str], Any]) -> dict[str, Any]:
    """Return the figures of a group."""
    layers, fan_out, arm = key
    some = next(iter(runs.values()))["settings"]
    figures: dict[str, Any] = {
        "data": some["dataset"],
        "layers": layers,
        "fan_out": "all" if fan_out == "-1" else fan_out,
        "arm": arm,
    }
    figures |= {"gamma": some["gamma"], "gradient": some["gradient"]} if some["arm"] == "momentum" else {}
    figures |= {"lr": some["lr"], "epochs": some["epochs"], "seeds": len(runs)}
    for part in ("valid", "test"):
        figures[part] = spread([one[part] for one in runs.values()])
    reference = groups.get((layers, "-1", arm.replace("momentum", "full")), groups.get((layers, "-1", "full"), {}))
    paired = [one["test"] - reference[seed]["test"] for seed, one in runs.items() if seed in reference]
    figures["test_less_full"] = spread(paired) if paired and some["arm"] != "full" else ""
    figures["cpu_seconds_per_epoch"] = statistics.median(one["cpu_seconds"] for one in runs.values())
    figures["memory_mib"] = statistics.median(one["memory_mib"] for one in runs.values())
    return figures


def table(groups: dict[tuple[int, str, str], Any]) -> list[str]:
    """Return test scores by layers, arm and fan-out, in Markdown."""
    lines = ["| layers | | 1 | 2 | 5 | 10 | all |", "|---|---|---|---|---|---|---|"]
    for layers in sorted({key[0] for key in groups}):
        for arm in NAMES:
            if not any(key[0] == layers and key[2] == arm for key in groups):
                continue
            texts = []
            for fan_out in FANS:
                runs = groups.get((layers, fan_out, arm.replace("momentum", "full") if fan_out == "-1" else arm), {})
                number = "" if len(runs) == 5 else f" ({len(runs)})"
                texts.append(spread([one["test"] for one in runs.values()]) + number if runs else "")
            lines.append(f"| {layers} | {NAMES[arm]} | {' | '.join(texts)} |")
    return lines


def tried(runs: list[dict[str, Any]]) -> list[str]:
    """Return the validation scores of all candidates, in Markdown."""
    scores: dict[tuple[Any, ...], list[float]] = {}
    seeds = grid.TUNING_SEEDS[runs[0]["settings"]["dataset"]]
    for one in runs:
        some = one["settings"]
        layers, fan_out, arm = some["num_layers"], some["fan_out"], some["arm"]
        if one["settings"] not in grid.candidates(some["dataset"], arm, layers, fan_out) or some["seed"] not in seeds:
            continue
        word = some["gradient"].replace("_", "-") if arm == "momentum" else arm
        what = some["gamma"] if arm == "momentum" else some["epochs"]
        scores.setdefault((layers, FANS.index(fan_out), word, some["lr"], what), []).append(one["valid"])
    lines = [
        "Validation scores of all candidates:",
        "",
        "| layers | fan-out | | learning rate | |",
        "|---|---|---|---|---|",
    ]
    for group in dict.fromkeys(words[:4] for words in sorted(scores)):
        texts = [
            f"{words[4]:g}{' epochs' if words[4] > 1 else ''}: {statistics.mean(values):.4f}"
            for words, values in sorted(scores.items())
            if words[:4] == group
        ]
        layers, fan_out, word, lr = group
        lines.append(f"| {layers} | {FANS[fan_out].replace('-1', 'all')} | {word} | {lr} | {', '.join(texts)} |")
    return lines


def error_table(errors: list[dict[str, Any]]) -> list[str]:
    """Return ‖h̃ − h‖ / ‖h‖ by layer at some epochs, in Markdown."""
    if not errors:
        return []
    epochs = [point["epoch"] for point in errors[0]["curve"]]
    shown = [epoch for epoch in (5, 10, 20, 50, 100) if epoch in epochs]
    head = ["| | layer | " + " | ".join(f"epoch {epoch}" for epoch in shown) + " |", "|---" * (len(shown) + 2) + "|"]
    lines = ["‖h̃ − h‖ / ‖h‖, three layers, one neighbour:", "", *head]
    for one in errors:
        for layer in range(one["settings"]["num_layers"]):
            values = {point["epoch"]: point["error"][layer] for point in one["curve"]}
            if values[shown[0]] is not None:
                texts = " | ".join(f"{values[epoch]:.2f}" for epoch in shown)
                lines.append(f"| {NAMES[one['settings']['arm']]} | {layer + 1} | {texts} |")
    return lines


def costs_of(out: Path) -> list[dict[str, Any]]:
    """Return the medians of the measurements of time and memory."""
    kept: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for path in sorted(out.glob("cost/*/*.json")):
        one = read(path)
        settings = one["settings"]
        kept.setdefault((settings["dataset"], settings["arm"], settings["fan_out"]), []).append(one)
    rows = []
    for (name, arm, fan_out), runs in kept.items():
        figures = {key: statistics.median(one[key] for one in runs) for key in runs[0] if key not in JOB}
        rows.append({"data": name, "arm": arm, "fan_out": fan_out, "turns": len(runs), **figures})
    return rows


def cost_table(costs: list[dict[str, Any]]) -> list[str]:
    """Return time and memory, in Markdown."""
    if not costs:
        return []
    lines = [
        "## Time and memory",
        "",
        "| graph | | neighbours | nodes | edges | ms per step | s per epoch | × | MiB |",
    ]
    lines.append("|---" * 9 + "|")
    for name in dict.fromkeys(one["data"] for one in costs):
        some = sorted((one for one in costs if one["data"] == name), key=lambda one: one["ms"])
        slow = next((one["ms"] for one in some if (one["arm"], one["fan_out"]) == ("plain", "25,10,10")), None)
        for one in some:
            ratio = f"{slow / one['ms']:.1f}" if slow else ""
            epoch = one["ms"] * one["steps_per_epoch"] / 1000
            lines.append(
                f"| {name} | {NAMES[one['arm']]} | {one['fan_out'].replace('-1', 'all').replace(',', ', ')} | "
                f"{one['batch_nodes']:,.0f} | {one['batch_edges']:,.0f} | {one['ms']:.1f} | {epoch:.2f} | {ratio} | "
                f"{one['memory_mib']:,.0f} |"
            )
    return lines
