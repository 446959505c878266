"""The time of samplers and loaders."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from results_pages.plots.style import OURS, PEER, figure, logarithmic
from results_pages.sampling import FANOUTS, GRAPHS, sampling_row


def _sampling_panel(axis: Axes, what: str, graphs: list[str], title: str) -> None:
    names, ours, peer = [], [], []
    for graph in graphs:
        for fanouts in FANOUTS:
            names.append(f"{GRAPHS[graph]}: {fanouts.replace('-', ', ')}")
            ours.append(sampling_row(graph, fanouts, what)["ms"])
            peer.append(sampling_row(graph, fanouts, what, "torch-sparse")["ms"])
    places = range(len(names))
    axis.hlines(places, ours, peer, color="#afb8c1", linewidth=2, zorder=1)
    axis.scatter(ours, places, color=OURS, marker="o", label="xgraph", zorder=2)
    axis.scatter(peer, places, color=PEER, marker="s", label="PyG on torch-sparse", zorder=2)
    logarithmic(axis, "x", [0.1, 1, 10, 100, 1000])
    axis.set(title=title, xlabel="ms per batch of 1,024 nodes", yticks=places, yticklabels=names)
    axis.invert_yaxis()


def sampling() -> Figure:
    """Samplers and loaders, compared with torch-sparse."""
    graphs = ["power-law", "tolokers", "coauthor-physics"]
    fig, (left, right) = figure(1, 2, 9.4, 3.9)
    _sampling_panel(left, "sampler", graphs, "Sampler")
    _sampling_panel(right, "loader", graphs, "Loader, with 100 features per node")
    right.set_yticklabels([])
    left.legend(loc="lower right")
    return fig
