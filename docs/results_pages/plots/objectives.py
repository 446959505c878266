"""Differences between objectives and cross-entropy."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from results_pages.comparisons import auc_gains, partial_gains, precision_gains
from results_pages.formats import share
from results_pages.gains import Gain
from results_pages.plots.style import GREY, OURS, PEER, figure


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
    fig, (axis,) = figure(1, 1, 8.6, 5.6)
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
    fig, axes = figure(1, 2, 9.4, 3.6)
    for axis, loss, limit in zip(axes, ("SOPA-s", "SOTA-s"), (0.25, 0.75), strict=True):
        some = [g for g in gains if g.what == loss]
        names = [f"{g.data}\nagainst {g.against}" for g in some] if axis is axes[0] else [""] * len(some)
        _gain_panel(axis, some, names, limit, f"{loss} − cross-entropy")
        axis.set_title(some[0].metric)
    return fig


def auc_margin() -> Figure:
    """The AUC margin loss against cross-entropy."""
    gains = auc_gains()
    fig, (axis,) = figure(1, 1, 8.6, 5.4)
    _gain_panel(axis, gains, [g.data for g in gains], 0.14, "test ROC-AUC, AUC margin − cross-entropy")
    return fig
