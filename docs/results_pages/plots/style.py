"""Colours, sizes and axes of the pictures."""

from __future__ import annotations

from typing import Any

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from results_pages.formats import share

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


def figure(rows: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    fig, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False, layout="constrained", linewidth=1)
    return fig, list(axes.flat)


def plain(value: float, _: Any = None) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}".removeprefix("0")


def short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}".removeprefix("0")


def logarithmic(axis: Axes, which: str, ticks: list[float] | None = None) -> None:
    """A logarithmic axis with plain numbers."""
    axis.set(**{f"{which}scale": "log"})
    one = axis.xaxis if which == "x" else axis.yaxis
    if ticks:
        one.set_major_locator(FixedLocator(ticks))
    one.set_major_formatter(FuncFormatter(plain))
    one.set_minor_locator(NullLocator())


def decimals(axis: Axes, which: str = "y") -> None:
    """Ticks in the style .85."""
    one = axis.xaxis if which == "x" else axis.yaxis
    one.set_major_formatter(FuncFormatter(lambda value, _: share(value, 2)))
