"""Feature momentum: scores and the time of a step."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from results_pages.feature_momentum import FANS, momentum_row, step_cost
from results_pages.plots.style import GREY, OURS, PEER, THIRD, decimals, figure, plain, short

MOMENTUM_ARMS = {
    "momentum": ("momentum", OURS, "o-"),
    "exact": ("exact first layer", THIRD, "^:"),
    "plain": ("plain", PEER, "s--"),
}


def momentum_panel(axis: Axes, data: str, layers: int, title: str, arms: tuple[str, ...] = (*MOMENTUM_ARMS,)) -> None:
    full = momentum_row(data, layers, "all", "full")
    if full is not None:
        axis.axhline(float(full["test"].split(" ")[0]), color=GREY, linewidth=1.2, label="all neighbours")
    for arm in arms:
        name, color, style = MOMENTUM_ARMS[arm]
        points = [(place, row) for place, fan in enumerate(FANS) if (row := momentum_row(data, layers, fan, arm))]
        texts = [row["test"].split(" ± ") for _, row in points]
        middle = [float(text[0]) for text in texts]
        bars = [float(text[1]) if len(text) > 1 else 0.0 for text in texts]
        places = [place for place, _ in points]
        axis.errorbar(places, middle, bars, fmt=style, color=color, label=name, capsize=2, markersize=5)
    axis.set(title=title, xlabel="sampled neighbours per layer", xticks=range(len(FANS)), xticklabels=FANS)
    decimals(axis)


def feature_momentum() -> Figure:
    """Test score against sampled neighbours."""
    fig, axes = figure(2, 2, 8.6, 5.8)
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
        momentum_panel(axis, data, layers, f"{name}, {layers} layers")
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
    fig, axes = figure(1, 3, 9.4, 2.5)
    for axis, (data, name) in zip(axes, graphs.items(), strict=True):
        values = [step_cost(data, arm, fan_out)["ms"] for fan_out, arm, _ in bars]
        drawn = axis.barh(range(4), values, color=[color for *_, color in bars])
        axis.bar_label(drawn, [short(value) for value in values], padding=3, fontsize=9)
        labels = [f"{fan_out.replace(',', ', ')} {arm}" for fan_out, arm, _ in bars] if axis is axes[0] else [""] * 4
        axis.set(title=name, xlabel="ms per step", yticks=range(4), yticklabels=labels)
        axis.xaxis.set_major_formatter(FuncFormatter(plain))
        axis.set_xlim(0, max(values) * 1.2)
        axis.invert_yaxis()
    return fig
