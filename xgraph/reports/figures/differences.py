"""Differences with their intervals, one line each."""

from collections.abc import Mapping

from xgraph.reports.figures.svg import BLUE, MUTED, drawing, escaped, finish, to_svg
from xgraph.reports.measures.paired import Difference


def intervals(differences: Mapping[str, Difference], x: str) -> str:
    """Draw differences as points with their intervals.

    Args:
        differences: The differences by name.
        x: What they are differences of.
    """
    count = len(differences)
    with drawing(height=1.3 + 0.32 * count) as (figure, axes):
        axes.axvline(0, color=MUTED, linewidth=1.0)
        for at, one in enumerate(differences.values()):
            axes.plot([one.low, one.high], [at, at], color=BLUE, linewidth=1.6, solid_capstyle="butt")
            axes.plot(one.value, at, "o", color=BLUE, markersize=5.5)
        axes.set_yticks(range(count), labels=[escaped(name, 34) for name in differences])
        axes.set_ylim(count - 0.5, -0.5)
        axes.grid(False, axis="y")
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        finish(axes, x)
        return to_svg(figure)
