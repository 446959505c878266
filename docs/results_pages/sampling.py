"""Tables and figures of ``docs/results/sampling.md``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from results_pages.data import one, read
from results_pages.formats import markdown, number, share, times

GRAPHS = {
    "power-law": "power law, 25 M edges",
    "tolokers": "tolokers",
    "coauthor-physics": "coauthor-physics",
    "products-sized": "products-sized",
}
FANOUTS = ["15-10-5", "10-10-10", "1-1-1"]


def sampling_row(graph: str, fanouts: str, what: str, library: str = "xgraph") -> dict[str, Any]:
    return one(read("sampling")["rows"], graph=graph, fanouts=fanouts, what=what, library=library)


def sampling_ms(graph: str, fanouts: str, what: str = "sampler", library: str = "xgraph") -> str:
    return number(sampling_row(graph, fanouts, what, library)["ms"])


def sampling_times(graph: str, fanouts: str, what: str = "sampler") -> str:
    return times(sampling_row(graph, fanouts, what, "torch-sparse")["times faster"])


def sampling_mib(graph: str, fanouts: str, what: str = "sampler", library: str = "xgraph") -> str:
    return f"{sampling_row(graph, fanouts, what, library)['MiB']:,.0f}"


def _fans(fanouts: str) -> str:
    return fanouts.replace("-", ",\u00a0")


def sampling_time(graphs: Sequence[str] = ("power-law", "tolokers", "coauthor-physics")) -> str:
    head = ["graph", "fan-outs", "sampler", "torch-sparse", "", "loader", "PyG's loader", ""]
    rows = []
    for graph in graphs:
        for fanouts in FANOUTS:
            cells = [GRAPHS[graph], _fans(fanouts)]
            for what in ("sampler", "loader"):
                cells += [sampling_ms(graph, fanouts, what), sampling_ms(graph, fanouts, what, "torch-sparse")]
                cells.append(sampling_times(graph, fanouts, what))
            rows.append(cells)
    return markdown(head, rows)


def sampling_labor() -> str:
    head = ["graph", "fan-outs", "uniform, ms", "LABOR, ms", "nodes of LABOR / uniform"]
    rows = []
    for graph, title in GRAPHS.items():
        for fanouts in FANOUTS:
            labor, uniform = sampling_row(graph, fanouts, "labor"), sampling_row(graph, fanouts, "sampler")
            ratio = share(labor["nodes"] / uniform["nodes"], 2)
            rows.append([title, _fans(fanouts), number(uniform["ms"]), number(labor["ms"]), ratio])
    return markdown(head, rows)


def sampling_memory() -> str:
    head = ["graph", "fan-outs", "sampler", "torch-sparse", "loader", "PyG's loader"]
    rows = []
    for graph, title in GRAPHS.items():
        for fanouts in FANOUTS:
            cells = [title, _fans(fanouts)]
            for what in ("sampler", "loader"):
                cells += [sampling_mib(graph, fanouts, what, name) for name in ("xgraph", "torch-sparse")]
            rows.append(cells)
    return markdown(head, rows)
