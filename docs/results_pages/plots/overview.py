"""The picture of the README."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from results_pages.plots.feature_momentum import momentum_panel
from results_pages.plots.losses import loss_panel
from results_pages.plots.style import OURS, PEER, figure, plain, short
from results_pages.sampling import FANOUTS, sampling_row


def overview() -> Figure:
    """For the README: a loss, the sampler, one neighbour with momentum."""
    fig, (left, middle, right) = figure(1, 3, 9.8, 3.2)
    loss_panel(left, "soap", "A step of the SOAP loss, ms")
    left.legend()
    names = [fanouts.replace("-", ", ") for fanouts in FANOUTS]
    for offset, library, name, color in (
        (-0.2, "xgraph", "xgraph", OURS),
        (0.2, "torch-sparse", "PyG on torch-sparse", PEER),
    ):
        values = [sampling_row("power-law", fanouts, "sampler", library)["ms"] for fanouts in FANOUTS]
        bars = middle.bar([place + offset for place in range(3)], values, 0.4, color=color, label=name)
        middle.bar_label(bars, [short(value) for value in values], fontsize=8.5, color="#24292f", padding=1)
    middle.yaxis.set_major_formatter(FuncFormatter(plain))
    middle.set(title="Sampling neighbours, ms", xticks=range(3), xticklabels=names, ylim=(0, 1750))
    middle.set_xlabel("neighbours per layer, 25 million edges")
    middle.legend(loc="upper right")
    momentum_panel(right, "tolokers", 3, "Few neighbours, test ROC-AUC", ("momentum", "plain"))
    right.set_xlabel("neighbours per layer, tolokers, 3 layers")
    right.legend(loc="lower right")
    return fig
