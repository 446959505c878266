"""Graphs in files whose nodes are scored: other ones than that of the run, or new nodes for it."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xgraph.data.graphs.new import NewGraph, chosen_rows, read_new_graph
from xgraph.data.graphs.read import form_of
from xgraph.data.tables.dialect import TextFormat
from xgraph.training.files.checkpoint import HEADER
from xgraph.training.prediction.members import Members

_USUAL = TextFormat()


def graph_form(items: Any) -> str | None:
    """Return the form of a graph in a file or folder, as `form_of`; None for other items."""
    if not isinstance(items, str | Path):
        return None
    path = Path(items).expanduser()
    return form_of(path) if path.exists() else None


def read_nodes_to_score(
    members: Members, path: Path, form: str, nodes: Sequence[Any] | None, how: TextFormat = _USUAL
) -> NewGraph:
    """Read a graph with the features that runs were trained on.

    Args:
        members: The runs.
        path: The file or folder.
        form: Its form.
        nodes: Names of the nodes to score; by default all of the file.
        how: How tables of text are written.

    Raises:
        ValueError: If the runs were trained on different features, or the graph does not have them.
    """
    widths = {
        (tuple(s[HEADER].get("feature_names") or ()), s[HEADER]["model_arguments"]["in_channels"])
        for s in members.states
    }
    if len(widths) > 1:
        raise ValueError("run: the runs of an ensemble must be trained on the same features of nodes")
    ((features, width),) = widths

    def known() -> Any:
        return next(iter(members.own_sources("graph", "nodes"))).data

    directed = members.header["config"].get("directed")
    graph = read_new_graph(path, form, features=features, width=int(width), known=known, directed=directed, how=how)
    if members.progress:
        sys.stderr.writelines(f"{path}: {note}\n" for note in graph.notes)
    return graph if nodes is None else chosen_rows(graph, nodes, path)
