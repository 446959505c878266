"""A graph of one's own as it was read from a file, before labels and splits are checked."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgraph.data.graphs.nodes import NodeTable, warn_dangling
from xgraph.data.graphs.parts import GivenParts
from xgraph.data.graphs.tables import EdgeTable
from xgraph.data.labels.groups import Groups
from xgraph.data.published.edges import Edges, tidy_edges
from xgraph.data.published.nodes import Rows
from xgraph.messages import listed

Ids = NDArray[np.int64]
LARGE = 20
"""Size of features above which it is said that they should be standardised."""


@dataclass(frozen=True)
class OwnGraph:
    """The nodes, edges, labels and parts of a file.

    Args:
        where: Where they were read.
        x: Features, dense or sparse rows. Shape ``[N, features]``.
        edges: Edges without repeats.
        directed: Whether the edges have only the directions that were listed.
        labels: Label columns, Arrow arrays of text.
        ids: Names of the nodes, an Arrow array of text; None if they are numbers.
        feature_names: Names of the features; empty if they have none.
        parts: What the file says of the parts of its nodes.
        notes: What was read how.
        left_out: What is not used, and why.
        groups: Groups of the nodes for which error rates are compared, if there are any.
    """

    where: object
    x: NDArray[np.float32] | Rows
    edges: Edges
    directed: bool
    labels: Mapping[str, Any]
    ids: Any = None
    feature_names: list[str] = field(default_factory=list)
    parts: GivenParts = field(default_factory=GivenParts)
    notes: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    groups: Groups | None = None

    def __len__(self) -> int:
        return int(self.x.shape[0])


def join_tables(nodes: NodeTable, edges: EdgeTable, *, directed: bool | None) -> OwnGraph:
    """Join a table of nodes and one of edges; edges to unknown nodes are left out with a warning.

    Raises:
        ValueError: If no edge has two known ends.
    """
    source, target = edges.resolve(nodes.ids)
    unknown = (source < 0) | (target < 0)
    if len(unknown) and unknown.all():
        first = edges.source[0].as_py(), edges.target[0].as_py()
        raise ValueError(
            f"{edges.where}: none of {len(unknown)} edges is between nodes of {nodes.where}; the first edge is from "
            f"{first[0]!r} to {first[1]!r}, the first node is {nodes.ids[0].as_py()!r}"
        )
    warn_dangling(unknown, edges.source, edges.target, edges.where)
    if unknown.any():
        source, target = source[~unknown], target[~unknown]
    tidy = tidy_edges(source, target, len(nodes), directed=bool(directed))
    said = "undirected (--directed takes the directions as listed)" if directed is None else None
    return OwnGraph(
        nodes.where,
        nodes.x,
        tidy,
        bool(directed),
        nodes.labels,
        nodes.ids,
        nodes.feature_names,
        GivenParts.of(nodes),
        {"edges": describe_edges(tidy, bool(directed), said), **notes_of(nodes)},
        {**nodes.left_out, **edges.left_out},
        nodes.groups,
    )


def notes_of(nodes: NodeTable) -> dict[str, str]:
    """Say which columns of a table of nodes were taken for what."""
    roles = nodes.roles
    labels, features = listed(roles.targets, 5) or "none", listed(nodes.feature_names, 5) or "none"
    parts = f", parts from {roles.split!r}" if roles.split else ""
    parts += f", groups from {roles.groups!r}" if roles.groups else ""
    notes = {
        "nodes": f"ids from {roles.ids!r}, labels from {labels}{parts}, {len(nodes.feature_names)} features: {features}"
    }
    largest = np.abs(nodes.x).max(axis=0, initial=0)
    large = [name for name, size in zip(nodes.feature_names, largest, strict=True) if size > LARGE]
    if large:
        notes["features"] = (
            f"{listed(large, 5)} exceed {LARGE} and are taken as they are: models learn better from columns that are "
            "standardised"
        )
    return notes


def describe_edges(edges: Edges, directed: bool, why: str | None = None) -> str:
    """Say how edges were taken, and count what is unusual about their list."""
    taken = why or ("directed, as listed" if directed else "undirected")
    counts = [
        (edges.one_way if not directed else 0, "listed in one direction, taken in both"),
        (edges.repeated, "repeated, each taken once"),
        (edges.loops, "self-loops"),
    ]
    unusual = "".join(f"; {count} {what}" for count, what in counts if count)
    return f"{edges.listed} edges, {taken}{unusual}"


def check_range(edge_index: NDArray[Any], num_nodes: int, where: object) -> tuple[Ids, Ids]:
    """Return sources and targets that exist; edges with other ends are left out with a warning.

    Raises:
        ValueError: If the array has the wrong shape or type, or no edge is left.
    """
    if edge_index.ndim != 2 or edge_index.shape[0] != 2 or edge_index.dtype.kind not in "iu":
        raise ValueError(
            f"{where}: edge_index must hold whole numbers of shape [2, E], got {edge_index.dtype} "
            f"{list(edge_index.shape)}"
        )
    source, target = edge_index.astype(np.int64)
    wrong = (source < 0) | (target < 0) | (source >= num_nodes) | (target >= num_nodes)
    if wrong.any():
        edge = int(wrong.argmax())
        text = (
            f"{where}: {{}} of {len(wrong)} edges have an end outside the nodes 0 to {num_nodes - 1}; the first is "
            f"edge {edge}, from {source[edge]} to {target[edge]}"
        )
        if wrong.all():
            raise ValueError(text.format("all"))
        warnings.warn("left out: " + text.format(int(wrong.sum())), stacklevel=2)
        source, target = source[~wrong], target[~wrong]
    return source, target
