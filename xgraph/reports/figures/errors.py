"""The distribution of the errors of predicted numbers."""

import numpy as np
import numpy.typing as npt

from xgraph.reports.figures.svg import BLUE, MUTED, drawing, finish, to_svg

_BINS = 40


def histogram(errors: npt.NDArray[np.float64], x: str) -> str:
    """Draw how many items have which error, with a line at 0.

    Args:
        errors: The errors, shape ``[n]``.
        x: What they are.
    """
    counts, edges = np.histogram(errors, min(_BINS, max(int(np.sqrt(len(errors))), 5)))
    with drawing() as (figure, axes):
        axes.stairs(counts, edges, color=BLUE, fill=True, alpha=0.22, linewidth=0)
        axes.stairs(counts, edges, color=BLUE, linewidth=1.4)
        axes.axvline(0, color=MUTED, linewidth=1.0, linestyle=":")
        finish(axes, x, "items")
        return to_svg(figure)
