"""Graphs as two tables, one of nodes and one of edges, in a folder or side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xgraph.data.graphs.arrow import header_of, read_arrow
from xgraph.data.graphs.ids import positions
from xgraph.data.graphs.roles import TYPES, WEIGHTS, edge_ends, named_like
from xgraph.data.tables.dialect import TextFormat
from xgraph.data.tables.formats import ENDINGS, stem

_USUAL = TextFormat()
SAME_WEIGHT = "the built-in models give all edges the same weight"
SAME_TYPE = "the built-in models take edges of all types alike"


class TablePaths(NamedTuple):
    """The two tables of a graph."""

    nodes: Path
    edges: Path


class EdgeTable(NamedTuple):
    """The edges of a graph by the names of their ends.

    Args:
        where: Where they were read.
        source: Names of the sources, an Arrow array of text.
        target: Names of the targets.
        left_out: Columns that are not used, and why.
    """

    where: object
    source: Any
    target: Any
    left_out: dict[str, str]

    def resolve(self, ids: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the positions of sources and targets among the ids; -1 for unknown ones."""
        return positions(self.source, ids), positions(self.target, ids)


def tables_of(path: Path, edges: str | Path | None = None) -> TablePaths | None:
    """Return the tables of a folder with `nodes` and `edges`, or a table of nodes with the given one of edges."""
    if edges is not None:
        other = Path(edges).expanduser()
        if path.is_dir():
            raise ValueError(f"edges = {str(edges)!r}: {path} is a folder with its own edges; give the table of nodes")
        if not other.is_file():
            raise FileNotFoundError(f"edges: no file {other}")
        return TablePaths(path, other)
    if not path.is_dir():
        return None
    tables: dict[str, list[Path]] = {"nodes": [], "edges": []}
    for file in sorted(path.iterdir()):
        name = stem(file)
        if name.lower() in tables and file.is_file() and file.name.lower().endswith(ENDINGS):
            tables[name.lower()].append(file)
    if not any(tables.values()):
        return None
    for name, files in tables.items():
        if len(files) != 1:
            got = "none" if not files else " and ".join(file.name for file in files)
            raise ValueError(f"{path} must have one table {name!r}, such as {name}.csv, got {got}")
    return TablePaths(*(files[0] for files in tables.values()))


def read_edges(path: Path, how: TextFormat = _USUAL) -> EdgeTable:
    """Read a table of edges: columns `source` and `target` (or `src` and `dst`, `from` and `to`), else the first two.

    Raises:
        ValueError: If the file cannot be read or has a single column.
    """
    names = header_of(path, how)
    source, target = edge_ends(names, path)
    columns = read_arrow(path, [source, target], how=how)
    left_out = {name: "not used of edges" for name in names if name not in (source, target)}
    for known, why in ((WEIGHTS, SAME_WEIGHT), (TYPES, SAME_TYPE)):
        name = named_like(names, known)
        if name is not None:
            left_out[name] = why
    return EdgeTable(path, columns[source], columns[target], left_out)
