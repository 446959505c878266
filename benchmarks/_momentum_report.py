"""Tables and figures of what `benchmarks.feature_momentum` has finished."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from benchmarks import feature_momentum as grid
from benchmarks._report import RESULTS, report

FANS = ["1", "2", "5", "10", "-1"]
METRIC = {"tolokers": "ROC-AUC", "musae-github": "ROC-AUC"}
TITLES = {"noisy": "generated graph", "tolokers": "tolokers", "musae-github": "musae-github"}
LATE = f"momentum, {grid.LONG} epochs"
NAMES = {"plain": "plain", "exact": "plain, exact first layer", "momentum": "momentum", LATE: LATE}
"""Of the arms, in the tables' order."""
STYLES = {
    "momentum": ("tab:blue", "o-"),
    LATE: ("tab:purple", "D-"),
    "exact": ("tab:green", "^--"),
    "plain": ("tab:red", "s-"),
}


def summarize(out: Path) -> None:
    """Write the JSON file, a Markdown file, and a figure for each data set.

    Args:
        out: Where finished cells are.
    """
    cells = [json.loads(path.read_text()) for path in sorted(out.glob("*/*.json"))]
    costs = costs_of(out)
    rows: list[dict[str, Any]] = []
    text: list[str] = []
    for name in grid.DATASETS:
        found = [one for one in cells if one["settings"]["dataset"] == name]
        if not found:
            continue
        groups = grouped(out, found)
        rows += [row(key, runs, groups) for key, runs in sorted(groups.items(), key=order)]
        errors = [one for one in found if one["settings"].get("track") and is_chosen(out, one["settings"])]
        text += [f"### {name}", "", *table(groups), "", *tried(found), "", *error_table(errors), ""]
        figure(name, groups, errors)
    text += cost_table(costs)
    (RESULTS / "feature_momentum.md").write_text("\n".join(text).rstrip() + "\n")
    runs = [compact(one) for one in cells]
    report("feature_momentum", rows, protocol=grid.__doc__, costs=costs, runs=runs)
    print("\n".join(text))


def compact(one: dict[str, Any]) -> dict[str, Any]:
    """What the results keep of a run.

    Args:
        one: A finished cell.
    """
    keys = ("dataset", "arm", "num_layers", "fan_out", "gamma", "gradient", "lr", "epochs", "valid_every", "seed")
    kept = {key: one["settings"][key] for key in keys}
    kept |= {key: one[key] for key in ("code", "epoch", "valid", "test", "cpu_seconds", "memory_mib")}
    kept["valid_curve"] = " ".join(f"{point['valid']:.4f}" for point in one["curve"])
    if one["settings"].get("track"):
        kept["errors"] = {point["epoch"]: str(point["error"]) for point in one["curve"]}
    return kept


def grouped(out: Path, found: list[dict[str, Any]]) -> dict[tuple[int, str, str], Any]:
    """Runs with what was chosen on validation, by layers, fan-out and arm, then by seed.

    Args:
        out: Where finished cells are.
        found: Those of a data set.
    """
    groups: dict[tuple[int, str, str], Any] = {}
    for one in found:
        settings = one["settings"]
        if not settings.get("track") and is_chosen(out, settings):
            arm = f"{settings['arm']}, {grid.LONG} epochs" if settings["epochs"] == grid.LONG else settings["arm"]
            groups.setdefault((settings["num_layers"], settings["fan_out"], arm), {})[settings["seed"]] = one
    return groups


def is_chosen(out: Path, settings: dict[str, Any]) -> bool:
    """Whether a cell has what was chosen on validation, or there is nothing yet.

    Args:
        out: Where finished cells are.
        settings: The cell.
    """
    arm = settings["arm"]
    cells = grid.candidates(settings["dataset"], arm, settings["num_layers"], settings["fan_out"])
    best = grid.chosen(out, cells, *grid.CHOSEN[arm]) or {}
    if settings["epochs"] == grid.LONG:
        best.pop("epochs", None)
    return all(settings[key] == value for key, value in best.items())


def order(item: tuple[tuple[int, str, str], Any]) -> tuple[int, int, str]:
    """Key to sort groups by.

    Args:
        item: Key and runs.
    """
    layers, fan_out, arm = item[0]
    return layers, FANS.index(fan_out), arm


def row(key: tuple[int, str, str], runs: dict[int, Any], groups: dict[tuple[int, str, str], Any]) -> dict[str, Any]:
    """A group's figures.

    Args:
        key: Layers, fan-out and arm.
        runs: By seed.
        groups: All of the data set's.
    """
    layers, fan_out, arm = key
    some = next(iter(runs.values()))["settings"]
    made = {"data": some["dataset"], "layers": layers, "fan_out": "all" if fan_out == "-1" else fan_out, "arm": arm}
    made |= {"gamma": some["gamma"], "gradient": some["gradient"]} if some["arm"] == "momentum" else {}
    made |= {"lr": some["lr"], "epochs": some["epochs"], "seeds": len(runs)}
    for part in ("valid", "test"):
        made[part] = spread([one[part] for one in runs.values()])
    reference = groups.get((layers, "-1", arm.replace("momentum", "full")), groups.get((layers, "-1", "full"), {}))
    paired = [one["test"] - reference[seed]["test"] for seed, one in runs.items() if seed in reference]
    made["test_less_full"] = spread(paired) if paired and some["arm"] != "full" else ""
    made["cpu_seconds_per_epoch"] = statistics.median(one["cpu_seconds"] for one in runs.values())
    made["memory_mib"] = statistics.median(one["memory_mib"] for one in runs.values())
    return made


def spread(values: list[float]) -> str:
    """Mean ± standard deviation.

    Args:
        values: Of these.
    """
    mean = f"{statistics.mean(values):.4f}"
    return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values):.4f}"


def table(groups: dict[tuple[int, str, str], Any]) -> list[str]:
    """Test scores, layers and arms by fan-outs, in Markdown.

    Args:
        groups: A data set's.
    """
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


def tried(found: list[dict[str, Any]]) -> list[str]:
    """Validation scores of what was chosen among.

    Args:
        found: Finished cells of a data set.
    """
    scores: dict[tuple[Any, ...], list[float]] = {}
    seeds = grid.TUNING_SEEDS[found[0]["settings"]["dataset"]]
    for one in found:
        some = one["settings"]
        layers, fan_out, arm = some["num_layers"], some["fan_out"], some["arm"]
        if one["settings"] not in grid.candidates(some["dataset"], arm, layers, fan_out) or some["seed"] not in seeds:
            continue
        word = some["gradient"].replace("_", "-") if arm == "momentum" else arm
        what = some["gamma"] if arm == "momentum" else some["epochs"]
        scores.setdefault((layers, FANS.index(fan_out), word, some["lr"], what), []).append(one["valid"])
    lines = ["Validation scores of what was tried:", "", "| layers | fan-out | | rate | |", "|---|---|---|---|---|"]
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
    """‖h̃ − h‖ / ‖h‖ by layer at some epochs.

    Args:
        errors: Runs that followed it.
    """
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
    """Medians of the measurements of time and memory.

    Args:
        out: Where they are.
    """
    kept: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for path in sorted(out.glob("cost/*/*.json")):
        one = json.loads(path.read_text())
        settings = one["settings"]
        kept.setdefault((settings["dataset"], settings["arm"], settings["fan_out"]), []).append(one)
    rows = []
    for (name, arm, fan_out), runs in kept.items():
        figures = {key: statistics.median(one[key] for one in runs) for key in runs[0] if key != "settings"}
        rows.append({"data": name, "arm": arm, "fan_out": fan_out, "turns": len(runs), **figures})
    return rows


def cost_table(costs: list[dict[str, Any]]) -> list[str]:
    """Time and memory in Markdown.

    Args:
        costs: Rows of `costs_of`.
    """
    if not costs:
        return []
    lines = ["### Time and memory", "", "| graph | | neighbours | nodes | edges | ms a step | s an epoch | × | MiB |"]
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


def figure(name: str, groups: dict[tuple[int, str, str], Any], errors: list[dict[str, Any]]) -> None:
    """Test score against neighbours per layer, and the error of the aggregates over training.

    Args:
        name: Data set.
        groups: Its runs.
        errors: Those that followed the error.
    """
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": name, "font.size": 8}
    from matplotlib import pyplot as plt

    depths = sorted({key[0] for key in groups})
    count = len(depths) + bool(errors)
    fig, axes = plt.subplots(1, count, figsize=(2.6 * count + 0.4, 2.6), squeeze=False, layout="constrained")
    for axis, layers in zip(axes[0], depths, strict=False):
        if reference := groups.get((layers, "-1", "full")):
            level = statistics.mean(one["test"] for one in reference.values())
            axis.axhline(level, color="black", linewidth=1, label="all neighbours")
            axis.axhspan(level - 0.005, level + 0.005, color="black", alpha=0.1, linewidth=0)
        for arm, (color, style) in STYLES.items():
            xs = [fan_out for fan_out in FANS[:-1] if (layers, fan_out, arm) in groups]
            if xs:
                tests = [[one["test"] for one in groups[layers, fan_out, arm].values()] for fan_out in xs]
                middle = [statistics.mean(values) for values in tests]
                bars = [statistics.stdev(values) if len(values) > 1 else 0.0 for values in tests]
                positions = [FANS.index(fan_out) for fan_out in xs]
                axis.errorbar(
                    positions, middle, bars, fmt=style, color=color, label=NAMES[arm], markersize=4, capsize=2
                )
        axis.set(title=f"{layers} layers", xlabel="neighbours per layer", xticks=range(4), xticklabels=FANS[:-1])
    axes[0][0].set_ylabel(f"test {METRIC.get(name, 'accuracy')}, {TITLES.get(name, name)}")
    axes[0][0].legend(fontsize=7, frameon=False)
    for one in errors:
        arm = one["settings"]["arm"]
        for layer, line in zip(range(one["settings"]["num_layers"]), (":", "--", "-"), strict=False):
            values = [point["error"][layer] for point in one["curve"]]
            if values[0] is not None:
                epochs = [point["epoch"] for point in one["curve"]]
                axes[0][-1].plot(epochs, values, line, color=STYLES[arm][0], label=f"{NAMES[arm]}, layer {layer + 1}")
    if errors:
        axes[0][-1].set(title="3 layers, 1 neighbour", xlabel="epoch", ylabel="‖h̃ − h‖ / ‖h‖", ylim=(0, None))
        axes[0][-1].legend(fontsize=6, frameon=False)
    fig.savefig(RESULTS / f"feature_momentum_{name}.svg", metadata={"Date": None})
    plt.close(fig)
