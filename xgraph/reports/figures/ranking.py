"""Curves of a ranking: precision over recall, ROC, and enrichment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from xgraph.reports.figures.svg import LINES, MUTED, PAGE, drawing, escaped, finish, to_svg
from xgraph.reports.measures.curves import FloatArray, Samples, gains, precision_recall, thinned
from xgraph.training.scoring.sweep import Sweep

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Kind = Literal["pr", "roc", "gain"]


@dataclass(frozen=True)
class Ranking:
    """A ranking to draw.

    Args:
        name: What the legend calls it.
        swept: Its counts.
        samples: Its bootstrap samples, for a band.
        point: Counts of true and false positives at the threshold, where a point marks it.
        reference: Whether it is one to compare with, which is drawn in grey.
    """

    name: str
    swept: Sweep
    samples: Samples | None = None
    point: tuple[float, float] | None = None
    reference: bool = False


def draw(kind: Kind, rankings: Sequence[Ranking], title: str = "") -> str:
    """Draw the curves of rankings: "pr", "roc" or "gain", the share of positives over that of the ranking."""
    with drawing() as (figure, axes):
        colours = iter(LINES)
        for one in rankings:
            colour = MUTED if one.reference else next(colours)
            _curve(axes, kind, one, colour)
        _random(axes, kind, rankings)
        names = {
            "pr": ("recall", "precision"),
            "roc": ("false-positive rate", "true-positive rate"),
            "gain": ("share of the ranking, from the top", "share of the positives found"),
        }
        finish(axes, *names[kind], title, {"pr": "best", "roc": "lower right", "gain": "upper left"}[kind])
        return to_svg(figure)


def _curve(axes: "Axes", kind: Kind, one: Ranking, colour: str) -> None:
    x, y = thinned(*points(kind, one.swept))
    style = (0, (4, 3)) if one.reference else "-"
    steps = "steps-pre" if kind == "pr" else "default"
    axes.plot(x, y, color=colour, linestyle=style, drawstyle=steps, label=escaped(one.name), linewidth=1.6)
    if one.samples is not None and kind != "gain":
        band = one.samples.precision() if kind == "pr" else one.samples.roc()
        axes.fill_between(band.x, band.low, band.high, color=colour, alpha=0.15, linewidth=0)
    if one.point is not None:
        at = position(kind, one.swept, one.point)
        axes.plot(*at, "o", color=colour, markeredgecolor=PAGE, markeredgewidth=1.2, markersize=7, zorder=5)


def points(kind: Kind, swept: Sweep) -> tuple[FloatArray, FloatArray]:
    """Return the points of a curve."""
    return {"pr": precision_recall, "roc": Sweep.roc, "gain": gains}[kind](swept)


def position(kind: Kind, swept: Sweep, point: tuple[float, float]) -> tuple[float, float]:
    """Return where a decision lies, given its true and false positives."""
    tp, fp = point
    tpr, fpr = tp / swept.tp[-1], fp / swept.fp[-1]
    if kind == "pr":
        return float(tpr), tp / max(tp + fp, 1.0)
    if kind == "roc":
        return float(fpr), float(tpr)
    return float((tp + fp) / (swept.tp[-1] + swept.fp[-1])), float(tpr)


def _random(axes: "Axes", kind: Kind, rankings: Sequence[Ranking]) -> None:
    """Draw what a random order gives, and set the limits of the axes."""
    own = [one for one in rankings if not one.reference]
    line = {"color": MUTED, "linewidth": 1.0, "linestyle": ":"}
    if kind == "pr":
        rates = [one.swept.tp[-1] / (one.swept.tp[-1] + one.swept.fp[-1]) for one in own[:1]]
        for rate in rates:
            axes.axhline(rate, label="random order", **line)
        axes.set_ylim(-0.02, 1.04)
        axes.set_xlim(-0.01, 1.02)
        return
    if kind == "roc":
        axes.plot([0, 1], [0, 1], label="random order", **line)
        axes.set_xlim(-0.01, 1.02)
        axes.set_ylim(-0.02, 1.04)
        return
    size = max(float(one.swept.tp[-1] + one.swept.fp[-1]) for one in own)
    low = min(max(1 / size, 1e-5), 0.01)
    x = np.geomspace(low, 1, 100)
    axes.plot(x, x, label="random order", **line)
    share = float(own[0].swept.tp[-1]) / float(own[0].swept.tp[-1] + own[0].swept.fp[-1])
    axes.plot(x, np.minimum(x / share, 1), color=MUTED, linewidth=1.0, linestyle="-.", label="best possible")
    axes.set_xscale("log")
    axes.set_xlim(low, 1.1)
    axes.set_ylim(-0.02, 1.04)
    from matplotlib.ticker import FuncFormatter

    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
