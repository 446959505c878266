"""The time of losses."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from results_pages.losses import loss_row
from results_pages.plots.style import OURS, PEER, figure, logarithmic


def loss_panel(axis: Axes, loss: str, title: str, tasks: int = 1) -> None:
    batches = [64, 512, 4096]
    rows = [loss_row(loss, batch, tasks) for batch in batches]
    axis.plot(batches, [row["LibAUC ms"] for row in rows], "s--", color=PEER, label="LibAUC")
    axis.plot(batches, [row["xgraph ms"] for row in rows], "o-", color=OURS, label="xgraph")
    logarithmic(axis, "x", [float(batch) for batch in batches])
    logarithmic(axis, "y")
    axis.set(title=title, xlabel="batch size")


def losses() -> Figure:
    """Time against batch size, compared with LibAUC."""
    shown = {"soap": "SOAP", "sopa-s": "SOPA-s", "staco": "STACO", "auc-margin": "AUC margin"}
    fig, axes = figure(2, 4, 9.8, 5.0)
    for axis, (loss, name) in zip(axes[:4], shown.items(), strict=True):
        loss_panel(axis, loss, f"{name}, one task")
    for axis, (loss, name) in zip(axes[4:], shown.items(), strict=True):
        loss_panel(axis, loss, f"{name}, 128 tasks", 128)
    for axis in (axes[0], axes[4]):
        axis.set_ylabel("ms, forward and backward")
    axes[0].legend()
    return fig
