"""The study of objectives on many tasks: gain against the number of actives."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from results_pages.data import read
from results_pages.formats import share
from results_pages.objectives_study import ARMS, REGIMES, study_rows
from results_pages.plots.style import GREY, OURS, PEER, THIRD, figure, logarithmic

SHOWN = {
    "bce-half": (GREY, "D"),
    "soap-new-head": (PEER, "s"),
    "soap-finetune": ("#dd9a6b", "^"),
    "auc-pairwise-finetune": (OURS, "o"),
    "bce-finetune": (THIRD, "v"),
}
APART = 1.05
"""Factor between the places of neighbouring arms."""


def _panel(axis: Axes, regime: str) -> None:
    """One point per arm and cell at the cell's number of training actives, with its 95 % interval."""
    content = read("objectives")
    actives = content["actives"]
    axis.axhline(0, color=GREY, linewidth=1)
    for place, (arm, (color, marker)) in enumerate(SHOWN.items()):
        rows = [row for row in study_rows(regime, metric="ap", arm=arm) if row["cell"] != "all" and row["sets"] > 1]
        rows.sort(key=lambda row: actives[row["cell"]])
        x = [actives[row["cell"]] * APART ** (place - len(SHOWN) / 2) for row in rows]
        half = [row["high"] - row["mean"] for row in rows]
        axis.errorbar(
            x, [row["mean"] for row in rows], half, fmt=marker, color=color, capsize=2, markersize=5, label=ARMS[arm]
        )
    ticks = sorted({actives[cell] for cell, count in content["tasks"][regime].items() if count > 1})
    logarithmic(axis, "x", [float(tick) for tick in ticks])
    axis.set(title=REGIMES[regime], xlabel="training actives", xlim=(10, 450))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: share(value, 2, value != 0)))


def objectives_study() -> Figure:
    """Gain in average precision over cross-entropy against the number of training actives."""
    fig, axes = figure(1, 2, 9.4, 4.0)
    for axis, regime in zip(axes, REGIMES, strict=True):
        _panel(axis, regime)
    axes[0].set_ylabel("test average precision − cross-entropy")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig
