"""The time of losses."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from results_pages.losses import loss_row
from results_pages.plots.style import GREY, OURS, PEER, THIRD, figure, logarithmic

BATCHES = [64, 512, 4096, 65536]
LINES = {
    "bce": ("cross-entropy", GREY, "o-"),
    "soap": ("SOAP", OURS, "o-"),
    "auc-pairwise": ("pairwise AUC", THIRD, "s-"),
    "sopa": ("SOPA", PEER, "^-"),
    "staco": ("STACO", "#8250a8", "v-"),
    "sopa-s": ("SOPA-s", "#9a6700", "D--"),
    "auc-margin": ("AUC margin", "#bf4b8a", "x-"),
}


def loss_line(axis: Axes, loss: str, library: str, *style: str, tasks: int = 1, **options: object) -> None:
    """Time against batch size, as far as it was measured."""
    times = [(batch, loss_row(loss, batch, tasks)[f"{library} ms"]) for batch in BATCHES if tasks == 1 or batch < 65536]
    times = [(batch, time) for batch, time in times if time is not None]
    axis.plot(*zip(*times, strict=True), *style, **options)


def loss_panel(axis: Axes, loss: str, title: str) -> None:
    loss_line(axis, loss, "LibAUC", "s--", color=PEER, label="LibAUC")
    loss_line(axis, loss, "xgraph", "o-", color=OURS, label="xgraph")
    logarithmic(axis, "x", [float(batch) for batch in BATCHES])
    logarithmic(axis, "y")
    axis.set(title=title, xlabel="batch size")


def losses() -> Figure:
    """Time against batch size, one line a loss, LibAUC beside."""
    fig, (ours, theirs) = figure(1, 2, 9.8, 4.4)
    for axis, library in ((ours, "xgraph"), (theirs, "LibAUC")):
        for loss, (name, color, style) in LINES.items():
            loss_line(axis, loss, library, style, color=color, label=name, markersize=5)
        logarithmic(axis, "x", [float(batch) for batch in BATCHES])
        logarithmic(axis, "y")
        axis.set(title=library, xlabel="batch size, one task")
    ours.set_ylabel("ms, forward and backward")
    theirs.sharey(ours)
    ours.legend()
    return fig
