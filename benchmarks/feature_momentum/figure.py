"""Draws figures of the finished cells of `benchmarks.feature_momentum`."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks._report import RESULTS
from benchmarks.feature_momentum.grid import LONG

FANS = ["1", "2", "5", "10", "-1"]
METRIC = {"tolokers": "ROC-AUC", "musae-github": "ROC-AUC"}
TITLES = {"noisy": "generated graph", "tolokers": "tolokers", "musae-github": "musae-github"}
LATE = f"momentum, {LONG} epochs"
NAMES = {"plain": "plain", "exact": "plain, exact first layer", "momentum": "momentum", LATE: LATE}
"""Names of the arms, in the order of the tables."""
STYLES = {
    "momentum": ("tab:blue", "o-"),
    LATE: ("tab:purple", "D-"),
    "exact": ("tab:green", "^--"),
    "plain": ("tab:red", "s-"),
}


def figure(name: str, groups: dict[tuple[int, str, str], Any], errors: list[dict[str, Any]]) -> None:
    """Draw test score against neighbours per layer, and the error of the aggregates over training."""
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
