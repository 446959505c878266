"""Curves of training: loss, metrics and learning rate over the epochs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from xgraph.reports.figures.svg import BLUE, GREEN, INK, LINES, MUTED, SOFT, drawing, escaped, finish, to_svg
from xgraph.reports.measures.curves import thinned

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


class Marks(NamedTuple):
    """What is marked in the curves of a run.

    Args:
        kept: The epoch that was kept.
        stages: First and last epoch of each stage, by name.
    """

    kept: int | None
    stages: Mapping[str, tuple[int, int]]


def stages(history: "pd.DataFrame") -> dict[str, tuple[int, int]]:
    """Return first and last epoch of each stage."""
    if "stage" not in history:
        return {}
    groups = history.groupby("stage", sort=False)["epoch"]
    return {str(name): (int(epochs.min()), int(epochs.max())) for name, epochs in groups}


def over_epochs(
    lines: Mapping[str, tuple[Any, Any]],
    marks: Marks,
    *,
    y: str,
    title: str,
    baseline: float | None = None,
    baseline_name: str = "",
    from_zero: bool = False,
    split_by_stage: bool = False,
) -> str:
    """Draw values over the epochs.

    Args:
        lines: Epochs and values of each line by name.
        marks: What is marked.
        y: What the values are.
        title: The title.
        baseline: A value that a horizontal line shows.
        baseline_name: What the line is called.
        from_zero: Whether the vertical axis begins at 0.
        split_by_stage: Whether a line is interrupted between stages, whose values do not compare.
    """
    with drawing() as (figure, axes):
        for colour, (name, (epochs, values)) in zip(_colours(len(lines)), lines.items(), strict=True):
            pieces = _pieces(np.asarray(epochs, float), np.asarray(values, float), marks if split_by_stage else None)
            for number, (x, v) in enumerate(pieces):
                label = escaped(name) if len(lines) > 1 and number == 0 else None
                mark = "o" if len(x) == 1 else ""
                width = 1.6 if len(lines) <= len(LINES) else 0.8
                axes.plot(x, v, color=colour, marker=mark, markersize=4, label=label, linewidth=width)
        if baseline is not None and np.isfinite(baseline):
            axes.axhline(baseline, color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)), label=escaped(baseline_name))
        _mark(axes, marks)
        if from_zero:
            axes.set_ylim(bottom=0)
        _whole_epochs(axes, lines)
        named = (len(lines) > 1 and len(lines) <= len(LINES)) or baseline is not None
        finish(axes, "epoch", y, title, "best" if named else None)
        return to_svg(figure)


def _pieces(x: Any, y: Any, marks: Marks | None) -> list[tuple[Any, Any]]:
    known = np.isfinite(y)
    x, y = x[known], y[known]
    if marks is None or len(marks.stages) < 2:
        return [thinned(x, y)] if len(x) else []
    inside = [(x >= first) & (x <= last) for first, last in marks.stages.values()]
    return [thinned(x[some], y[some]) for some in inside if some.any()]


def _mark(axes: "Axes", marks: Marks) -> None:
    """Shade the first of two stages, and mark the epoch that was kept."""
    if len(marks.stages) > 1:
        (first, last), (second, _) = list(marks.stages.values())[:2]
        axes.axvspan(first - 0.5, (last + second) / 2, color=SOFT, zorder=0, linewidth=0)
    if marks.kept is not None:
        axes.axvline(marks.kept, color=GREEN, linewidth=1.2, zorder=1)


def _whole_epochs(axes: "Axes", lines: Mapping[str, tuple[Any, Any]]) -> None:
    from matplotlib.ticker import MaxNLocator

    last = max((max(epochs, default=1) for epochs, _ in lines.values()), default=1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
    axes.set_xlim(0.5, last + 0.5)


def _colours(count: int) -> Sequence[str]:
    return [BLUE] if count == 1 else LINES[:count] if count <= len(LINES) else [MUTED] * (count - 1) + [INK]
