"""Bags: scores and the time of a step."""

from __future__ import annotations

from matplotlib.figure import Figure

from results_pages.bags import ARMS, BAGS, bag_cost
from results_pages.gains import Gain, bag_folds, repetitions
from results_pages.plots.style import GREY, OURS, PEER, THIRD, decimals, figure, logarithmic


def bags() -> Figure:
    """ROC-AUC by data set: means and 95 % intervals over five repetitions."""
    arms = {
        "attention-bce": (GREY, "D"),
        "attention-aucm": (PEER, "s"),
        "midam-att": (OURS, "o"),
        "midam-att-slow": (THIRD, "^"),
    }
    fig, axes = figure(1, 5, 9.8, 3.2)
    for axis, data in zip(axes, BAGS, strict=True):
        for place, (arm, (color, marker)) in enumerate(arms.items()):
            gain = Gain(data, "", arm, "", "ROC-AUC", "repetitions", repetitions(bag_folds(data, arm, "ROC-AUC")))
            axis.errorbar(place, gain.mean, gain.half_width, fmt=marker, color=color, capsize=3, label=ARMS[arm])
        axis.set(title=data, xticks=[], xlim=(-0.7, 3.7))
        decimals(axis)
    axes[0].set_ylabel("test ROC-AUC")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return fig


def bags_cost() -> Figure:
    """Time of a training step against the size of the bags."""
    sizes = [100, 1000, 10_000]
    fig, axes = figure(1, 2, 8.6, 3.4)
    for axis, (model, name) in zip(
        axes, (("attention", "attention"), ("smoothed-max", "smoothed maximum")), strict=True
    ):
        for instances, what, style in (("all", "whole bags", "-"), (4, "4 instances", "--")):
            for library, color, marker in (("libauc", PEER, "s"), ("xgraph", OURS, "o")):
                values = [bag_cost(f"16 × {size:,}", model, instances, library)["ms"] for size in sizes]
                label = f"{'xgraph' if library == 'xgraph' else 'LibAUC'}, {what}"
                axis.plot(sizes, values, style, marker=marker, color=color, label=label)
        logarithmic(axis, "x", [float(size) for size in sizes])
        logarithmic(axis, "y", [1, 10, 100, 1000])
        axis.set(title=f"16 bags, {name}", xlabel="instances per bag", ylabel="ms per training step")
    axes[0].legend(fontsize=8)
    return fig
