"""Draws the pictures of the results pages from ``benchmarks/results/*.json``.

``python docs/plots.py DIR`` writes them to a folder, and ``--overview FILE`` the one picture of the README's first
page. The same data give the same bytes: no dates, no random names. Every picture stands on a white card, so that it can
be read on light and on dark pages.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from result_tables import ARMS, BAGS, FANOUTS, FANS, GRAPHS, _bag_cost, _cost, _loss, _momentum, _sampling
from results_data import Gain, auc_gains, bag_folds, partial_gains, precision_gains, repetitions, share

OURS, PEER, THIRD, GREY = "#1f5fa8", "#c2571a", "#3c7d3c", "#57606a"
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "xgraph",
    "font.size": 10,
    "font.family": "sans-serif",
    "figure.facecolor": "white",
    "figure.edgecolor": "#d0d7de",
    "axes.facecolor": "white",
    "axes.edgecolor": GREY,
    "axes.labelcolor": "#24292f",
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#d8dee4",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "text.color": "#24292f",
}


def _figure(rows: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    fig, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False, layout="constrained", linewidth=1)
    return fig, list(axes.flat)


def _plain(value: float, _: Any = None) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}".removeprefix("0")


def _log(axis: Axes, which: str, ticks: list[float] | None = None) -> None:
    """A logarithmic axis with plain numbers."""
    axis.set(**{f"{which}scale": "log"})
    one = axis.xaxis if which == "x" else axis.yaxis
    if ticks:
        one.set_major_locator(FixedLocator(ticks))
    one.set_major_formatter(FuncFormatter(_plain))
    one.set_minor_locator(NullLocator())


def _decimals(axis: Axes, which: str = "y") -> None:
    """Ticks in the style .85."""
    one = axis.xaxis if which == "x" else axis.yaxis
    one.set_major_formatter(FuncFormatter(lambda value, _: share(value, 2)))


# Panels that more than one picture shows


def _loss_panel(axis: Axes, loss: str, title: str, tasks: int = 1) -> None:
    batches = [64, 512, 4096]
    rows = [_loss(loss, batch, tasks) for batch in batches]
    axis.plot(batches, [row["LibAUC ms"] for row in rows], "s--", color=PEER, label="LibAUC")
    axis.plot(batches, [row["xgraph ms"] for row in rows], "o-", color=OURS, label="xgraph")
    _log(axis, "x", [float(batch) for batch in batches])
    _log(axis, "y")
    axis.set(title=title, xlabel="batch size")


MOMENTUM_ARMS = {
    "momentum": ("momentum", OURS, "o-"),
    "exact": ("exact first layer", THIRD, "^:"),
    "plain": ("plain", PEER, "s--"),
}


def _momentum_panel(axis: Axes, data: str, layers: int, title: str, arms: tuple[str, ...] = (*MOMENTUM_ARMS,)) -> None:
    full = _momentum(data, layers, "all", "full")
    if full is not None:
        axis.axhline(float(full["test"].split(" ")[0]), color=GREY, linewidth=1.2, label="all neighbours")
    for arm in arms:
        name, color, style = MOMENTUM_ARMS[arm]
        points = [(place, row) for place, fan in enumerate(FANS) if (row := _momentum(data, layers, fan, arm))]
        texts = [row["test"].split(" ± ") for _, row in points]
        middle = [float(text[0]) for text in texts]
        bars = [float(text[1]) if len(text) > 1 else 0.0 for text in texts]
        places = [place for place, _ in points]
        axis.errorbar(places, middle, bars, fmt=style, color=color, label=name, capsize=2, markersize=5)
    axis.set(title=title, xlabel="sampled neighbours per layer", xticks=range(len(FANS)), xticklabels=FANS)
    _decimals(axis)


def _sampling_panel(axis: Axes, what: str, graphs: list[str], title: str) -> None:
    names, ours, peer = [], [], []
    for graph in graphs:
        for fanouts in FANOUTS:
            names.append(f"{GRAPHS[graph]}: {fanouts.replace('-', ', ')}")
            ours.append(_sampling(graph, fanouts, what)["ms"])
            peer.append(_sampling(graph, fanouts, what, "torch-sparse")["ms"])
    places = range(len(names))
    axis.hlines(places, ours, peer, color="#afb8c1", linewidth=2, zorder=1)
    axis.scatter(ours, places, color=OURS, marker="o", label="xgraph", zorder=2)
    axis.scatter(peer, places, color=PEER, marker="s", label="PyG on torch-sparse", zorder=2)
    _log(axis, "x", [0.1, 1, 10, 100, 1000])
    axis.set(title=title, xlabel="ms per batch of 1,024 nodes", yticks=places, yticklabels=names)
    axis.invert_yaxis()


# Pictures


def overview() -> Figure:
    """For the README: a loss, the sampler, one neighbour with momentum."""
    fig, (left, middle, right) = _figure(1, 3, 9.8, 3.2)
    _loss_panel(left, "soap", "A step of the SOAP loss, ms")
    left.legend()
    names = [fanouts.replace("-", ", ") for fanouts in FANOUTS]
    for offset, library, name, color in (
        (-0.2, "xgraph", "xgraph", OURS),
        (0.2, "torch-sparse", "PyG on torch-sparse", PEER),
    ):
        values = [_sampling("power-law", fanouts, "sampler", library)["ms"] for fanouts in FANOUTS]
        bars = middle.bar([place + offset for place in range(3)], values, 0.4, color=color, label=name)
        middle.bar_label(bars, [_short(value) for value in values], fontsize=8.5, color="#24292f", padding=1)
    middle.yaxis.set_major_formatter(FuncFormatter(_plain))
    middle.set(title="Sampling neighbours, ms", xticks=range(3), xticklabels=names, ylim=(0, 1750))
    middle.set_xlabel("neighbours per layer, 25 million edges")
    middle.legend(loc="upper right")
    _momentum_panel(right, "tolokers", 3, "Few neighbours, test ROC-AUC", ("momentum", "plain"))
    right.set_xlabel("neighbours per layer, tolokers, 3 layers")
    right.legend(loc="lower right")
    return fig


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}".removeprefix("0")


def losses() -> Figure:
    """Time against batch size, compared with LibAUC."""
    shown = {"soap": "SOAP", "sopa-s": "SOPA-s", "staco": "STACO", "auc-margin": "AUC margin"}
    fig, axes = _figure(2, 4, 9.8, 5.0)
    for axis, (loss, name) in zip(axes[:4], shown.items(), strict=True):
        _loss_panel(axis, loss, f"{name}, one task")
    for axis, (loss, name) in zip(axes[4:], shown.items(), strict=True):
        _loss_panel(axis, loss, f"{name}, 128 tasks", 128)
    for axis in (axes[0], axes[4]):
        axis.set_ylabel("ms, forward and backward")
    axes[0].legend()
    return fig


def sampling() -> Figure:
    """Samplers and loaders, compared with torch-sparse."""
    graphs = ["power-law", "tolokers", "coauthor-physics"]
    fig, (left, right) = _figure(1, 2, 9.4, 3.9)
    _sampling_panel(left, "sampler", graphs, "Sampler")
    _sampling_panel(right, "loader", graphs, "Loader, with 100 features per node")
    right.set_yticklabels([])
    left.legend(loc="lower right")
    return fig


def feature_momentum() -> Figure:
    """Test score against sampled neighbours."""
    fig, axes = _figure(2, 2, 8.6, 5.8)
    for axis, (data, layers, name) in zip(
        axes,
        (
            ("tolokers", 2, "tolokers"),
            ("tolokers", 3, "tolokers"),
            ("noisy", 2, "generated"),
            ("noisy", 3, "generated"),
        ),
        strict=True,
    ):
        _momentum_panel(axis, data, layers, f"{name}, {layers} layers")
        axis.set_xlabel("neighbours per layer")
    axes[0].set_ylabel("test ROC-AUC")
    axes[2].set_ylabel("test accuracy")
    axes[0].legend(fontsize=8)
    return fig


def step_times() -> Figure:
    """Time of a training step with and without momentum."""
    graphs = {"reddit2-sized": "Reddit2's size", "noisy": "generated graph", "tolokers": "tolokers"}
    bars = [
        ("25,10,10", "plain", PEER),
        ("10,10,10", "plain", "#dd9a6b"),
        ("2,2,2", "momentum", "#6f9fd0"),
        ("1,1,1", "momentum", OURS),
    ]
    fig, axes = _figure(1, 3, 9.4, 2.5)
    for axis, (data, name) in zip(axes, graphs.items(), strict=True):
        values = [_cost(data, arm, fan_out)["ms"] for fan_out, arm, _ in bars]
        drawn = axis.barh(range(4), values, color=[color for *_, color in bars])
        axis.bar_label(drawn, [_short(value) for value in values], padding=3, fontsize=9)
        labels = [f"{fan_out.replace(',', ', ')} {arm}" for fan_out, arm, _ in bars] if axis is axes[0] else [""] * 4
        axis.set(title=name, xlabel="ms per step", yticks=range(4), yticklabels=labels)
        axis.xaxis.set_major_formatter(FuncFormatter(_plain))
        axis.set_xlim(0, max(values) * 1.2)
        axis.invert_yaxis()
    return fig


def bags() -> Figure:
    """ROC-AUC by data set: means and 95 % intervals over five repetitions."""
    arms = {
        "attention-bce": (GREY, "D"),
        "attention-aucm": (PEER, "s"),
        "midam-att": (OURS, "o"),
        "midam-att-slow": (THIRD, "^"),
    }
    fig, axes = _figure(1, 5, 9.8, 3.2)
    for axis, data in zip(axes, BAGS, strict=True):
        for place, (arm, (color, marker)) in enumerate(arms.items()):
            gain = Gain(data, "", arm, "", "ROC-AUC", "repetitions", repetitions(bag_folds(data, arm, "ROC-AUC")))
            axis.errorbar(place, gain.mean, gain.half_width, fmt=marker, color=color, capsize=3, label=ARMS[arm])
        axis.set(title=data, xticks=[], xlim=(-0.7, 3.7))
        _decimals(axis)
    axes[0].set_ylabel("test ROC-AUC")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return fig


def bags_cost() -> Figure:
    """Time of a training step against the size of the bags."""
    sizes = [100, 1000, 10_000]
    fig, axes = _figure(1, 2, 8.6, 3.4)
    for axis, (model, name) in zip(
        axes, (("attention", "attention"), ("smoothed-max", "smoothed maximum")), strict=True
    ):
        for instances, what, style in (("all", "whole bags", "-"), (4, "4 instances", "--")):
            for library, color, marker in (("libauc", PEER, "s"), ("xgraph", OURS, "o")):
                values = [_bag_cost(f"16 × {size:,}", model, instances, library)["ms"] for size in sizes]
                label = f"{'xgraph' if library == 'xgraph' else 'LibAUC'}, {what}"
                axis.plot(sizes, values, style, marker=marker, color=color, label=label)
        _log(axis, "x", [float(size) for size in sizes])
        _log(axis, "y", [1, 10, 100, 1000])
        axis.set(title=f"16 bags, {name}", xlabel="instances per bag", ylabel="ms per training step")
    axes[0].legend(fontsize=8)
    return fig


def _gain_panel(axis: Axes, gains: list[Gain], names: list[str], limit: float, label: str) -> None:
    """Differences with their 95 % intervals, and each seed, fold or draw in grey."""
    axis.axvline(0, color=GREY, linewidth=1)
    for place, gain in enumerate(gains):
        axis.scatter(gain.values, [place + 0.22] * len(gain.values), s=14, color="#9aa5b1", zorder=2, linewidths=0)
        color = {"ahead": OURS, "behind": PEER, "undecided": GREY}[gain.verdict]
        half = min(gain.half_width, 10)
        axis.errorbar(gain.mean, place, xerr=half, fmt="o", color=color, capsize=3, zorder=3, markersize=5)
    if any(names):
        names = [f"{name} ({len(gain.values)} {gain.unit})" for name, gain in zip(names, gains, strict=True)]
    axis.set(yticks=range(len(gains)), yticklabels=names, xlim=(-limit, limit), xlabel=label)
    axis.set_ylim(len(gains) - 0.5, -0.5)
    axis.grid(axis="y", visible=False)
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: share(value, 2, value != 0)))


def objectives() -> Figure:
    """SOAP against cross-entropy; intervals that are wider than the picture are cut off."""
    gains = precision_gains()
    fig, (axis,) = _figure(1, 1, 8.6, 5.6)
    names = []
    for gain in gains:
        name = gain.data
        if sum(other.data == name for other in gains) > 1:
            name += f"\n{gain.what}" if name.startswith("HIV") else f"\nagainst {gain.against}"
        names.append(name)
    _gain_panel(axis, gains, names, 0.21, "test average precision, SOAP − cross-entropy")
    return fig


def partial_areas() -> Figure:
    """Losses for partial areas against cross-entropy."""
    gains = partial_gains()
    fig, axes = _figure(1, 2, 9.4, 3.6)
    for axis, loss, limit in zip(axes, ("SOPA-s", "SOTA-s"), (0.25, 0.75), strict=True):
        some = [g for g in gains if g.what == loss]
        names = [f"{g.data}\nagainst {g.against}" for g in some] if axis is axes[0] else [""] * len(some)
        _gain_panel(axis, some, names, limit, f"{loss} − cross-entropy")
        axis.set_title(some[0].metric)
    return fig


def auc_margin() -> Figure:
    """The AUC margin loss against cross-entropy."""
    gains = auc_gains()
    fig, (axis,) = _figure(1, 1, 8.6, 5.4)
    _gain_panel(axis, gains, [g.data for g in gains], 0.14, "test ROC-AUC, AUC margin − cross-entropy")
    return fig


PICTURES: dict[str, Callable[[], Figure]] = {
    "losses": losses,
    "sampling": sampling,
    "feature-momentum": feature_momentum,
    "step-times": step_times,
    "bags": bags,
    "bags-cost": bags_cost,
    "objectives": objectives,
    "partial-areas": partial_areas,
    "auc-margin": auc_margin,
}


def save(make: Callable[[], Figure], file: Path) -> None:
    """Write one picture as SVG; the same data give the same bytes."""
    with mpl.rc_context(STYLE):
        fig = make()
        metadata = {"Date": None, "Creator": None}
        fig.savefig(file, format="svg", metadata=metadata, facecolor="white", edgecolor=fig.get_edgecolor())
        plt.close(fig)


def draw(folder: Path) -> None:
    """Write all pictures of the pages into a folder."""
    mpl.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in PICTURES.items():
        save(make, folder / f"{name}.svg")


def main() -> None:
    """Draw what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="for the pictures of the results pages")
    parser.add_argument("--overview", type=Path, metavar="FILE", help="write the README's picture")
    options = parser.parse_args()
    if options.folder is None and options.overview is None:
        parser.error("name a folder, or --overview FILE")
    if options.folder is not None:
        draw(options.folder)
    if options.overview is not None:
        mpl.use("Agg")
        save(overview, options.overview)


if __name__ == "__main__":
    main()
