"""Figures of places: where in a slide the instances of a bag are that count."""

import numpy as np
import numpy.typing as npt

from xgraph.reports.figures.svg import BLUE, MUTED, ORANGE, drawing, finish, to_svg

_CELLS = 40


def heat_map(places: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> str:
    """Draw where values are large: one square per cell of a grid, which is as strong as the mean value in it.

    Args:
        places: Coordinates of the instances, x and y, of which y points down as in an image. Shape ``[n, 2]``.
        values: Their values. Positive ones are orange, negative ones blue. Shape ``[n]``.
    """
    low, high = places.min(0), places.max(0)
    side = max(float((high - low).max()) / _CELLS, 1e-12)
    cells = np.floor((places - low) / side).astype(np.int64)
    found, owner = np.unique(cells, axis=0, return_inverse=True)
    count = np.bincount(owner.reshape(-1), minlength=len(found))
    mean = np.bincount(owner.reshape(-1), np.nan_to_num(values), minlength=len(found)) / np.maximum(count, 1)
    largest = max(float(np.abs(mean).max(initial=0.0)), 1e-12)
    with drawing(4.6, 4.2) as (figure, axes):
        for (x, y), value in zip(found.tolist(), mean.tolist(), strict=True):
            colour = MUTED if abs(value) < 0.02 * largest else ORANGE if value > 0 else BLUE
            strength = 0.15 if colour == MUTED else 0.15 + 0.8 * abs(value) / largest
            axes.fill_between([x, x + 1], y, y + 1, color=colour, alpha=strength, linewidth=0)
        axes.set_aspect("equal")
        axes.invert_yaxis()
        axes.grid(False)
        axes.set_xticks([])
        axes.set_yticks([])
        finish(axes, "x", "y")
        return to_svg(figure)
