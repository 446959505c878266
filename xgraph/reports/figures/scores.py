"""Figures of scores: their distribution, calibration, and decisions."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from xgraph.reports.figures.svg import BLUE, INK, LINES, MUTED, PAGE, drawing, escaped, finish, to_svg
from xgraph.reports.measures.calibration import Calibration

_BINS = 40
MOST_CLASSES = 40
"""Classes of which a matrix of confusions is drawn."""


def distribution(
    groups: Mapping[str, npt.NDArray[np.float64]], threshold: float | None = None, x: str = "score"
) -> str:
    """Draw how the scores of groups of items are distributed, each in percent of its group.

    Args:
        groups: The scores, between 0 and 1, of each group by name.
        threshold: A threshold to mark.
        x: What the scores are.
    """
    edges = np.linspace(0, 1, _BINS + 1)
    with drawing() as (figure, axes):
        for colour, (name, scores) in zip(LINES, groups.items(), strict=False):
            share = 100 * np.histogram(scores.clip(0, 1), edges)[0] / max(len(scores), 1)
            axes.stairs(share, edges, color=colour, fill=True, alpha=0.22, linewidth=0)
            axes.stairs(share, edges, color=colour, linewidth=1.4, label=f"{escaped(name)} ({len(scores):,})")
        if threshold is not None:
            axes.axvline(threshold, color=INK, linewidth=1.0, linestyle=(0, (4, 3)), label="threshold")
        axes.set_yscale("symlog", linthresh=1.0, linscale=0.4)
        axes.set_ylim(0, 130)
        axes.set_yticks([0, 1, 10, 100], labels=["0 %", "1 %", "10 %", "100 %"])
        axes.set_xlim(-0.01, 1.01)
        finish(axes, x, "share of the group", legend="upper center")
        return to_svg(figure)


def calibration_curve(curves: Mapping[str, Calibration], x: str = "score", y: str = "share of positives") -> str:
    """Draw how often what was predicted with some score came true, with 95 % intervals."""
    with drawing() as (figure, axes):
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1.0, linestyle=":", label="perfectly calibrated")
        for colour, (name, one) in zip(LINES, curves.items(), strict=False):
            around = np.stack([one.observed - one.low, one.high - one.observed]).clip(0)
            axes.errorbar(
                *(one.predicted, one.observed),
                yerr=around,
                color=colour,
                marker="o",
                markersize=4,
                markeredgecolor=PAGE,
                elinewidth=1.0,
                label=escaped(name),
            )
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.04)
        finish(axes, x, y, legend="upper left")
        return to_svg(figure)


def confusion(counts: npt.NDArray[np.float64], rows: Sequence[str], columns: Sequence[str]) -> str:
    """Draw a matrix of confusions: a cell for each label and decision, shaded by its share of the label.

    Args:
        counts: Number of items by label and decision, shape ``[r, c]``.
        rows: Names of the labels.
        columns: Names of the decisions.
    """
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    large = len(rows) > 10
    with drawing(4.6, 2.6 if len(rows) <= 3 else 4.2) as (figure, axes):
        axes.grid(False)
        for i, row in enumerate(share):
            for j, value in enumerate(row):
                axes.fill_between([j, j + 1], i, i + 1, color=BLUE, alpha=0.04 + 0.6 * float(value), linewidth=0)
                if not large:
                    text = f"{counts[i, j]:,.0f}" + (f"\n{100 * value:.0f} %" if len(rows) <= 3 else "")
                    axes.text(j + 0.5, i + 0.5, text, ha="center", va="center", color=INK)
        axes.set_xlim(0, len(columns))
        axes.set_ylim(len(rows), 0)
        shown = len(rows) <= 20
        for axis, names in ((axes.xaxis, columns), (axes.yaxis, rows)):
            axis.set_ticks(
                np.arange(len(names)) + 0.5 if shown else [], [escaped(n, 16) for n in names] if shown else []
            )
        if len(columns) > 4 and shown:
            axes.tick_params(axis="x", labelrotation=60)
        axes.tick_params(length=0)
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)
        finish(axes, "decision", "label")
        return to_svg(figure)


def against(
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64],
    labels: tuple[str, str],
    *,
    log: bool = False,
    diagonal: bool = False,
) -> str:
    """Draw points, if asked for with the line on which both numbers are equal."""
    with drawing() as (figure, axes):
        if diagonal and len(x):
            ends = [min(x.min(), y.min()), max(x.max(), y.max())]
            axes.plot(ends, ends, color=MUTED, linewidth=1.0, linestyle=":")
        axes.plot(x, y, "o", color=BLUE, markersize=4, alpha=0.55, markeredgewidth=0)
        if log:
            axes.set_xscale("log")
        finish(axes, *labels)
        return to_svg(figure)


def spread(
    groups: Mapping[str, npt.NDArray[np.float64]], y: str, *, references: Mapping[str, float] | None = None
) -> str:
    """Draw the values of each group as points, with their mean as a line.

    Args:
        groups: The values of each group by name.
        y: What the values are.
        references: Values of horizontal lines by name.
    """
    with drawing() as (figure, axes):
        for at, values in enumerate(groups.values()):
            known = values[np.isfinite(values)]
            offsets = np.linspace(-0.18, 0.18, len(known)) if len(known) > 1 else np.zeros(len(known))
            colour = LINES[at % len(LINES)]
            axes.plot(at + offsets, known, "o", color=colour, markersize=5, alpha=0.75, markeredgecolor=PAGE)
            if len(known):
                axes.plot([at - 0.28, at + 0.28], [known.mean()] * 2, color=colour, linewidth=2.2)
        for name, value in (references or {}).items():
            axes.axhline(value, color=MUTED, linewidth=1.1, linestyle=(0, (4, 3)), label=escaped(name))
        axes.set_xlim(-0.6, len(groups) - 0.4)
        axes.set_xticks(range(len(groups)), labels=[escaped(name, 18) for name in groups])
        axes.grid(False, axis="x")
        finish(axes, y=y, legend="best" if references else None)
        return to_svg(figure)
