"""Several graphs with labels: a table that lists their files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from xgraph.data.graphs.arrow import header_of, read_arrow
from xgraph.data.graphs.labels import read_labels
from xgraph.data.graphs.load import data_of, graph_name
from xgraph.data.graphs.parts import GivenParts, parts_of
from xgraph.data.graphs.read import SAVED, form_of, read_graph
from xgraph.data.graphs.roles import LABELS, named_like
from xgraph.data.graphs.saved import read_saved
from xgraph.data.splits.own import OwnSplit
from xgraph.messages import listed, shown

if TYPE_CHECKING:
    from xgraph.data.ogb.graphs import GraphDataset

PATHS = ("path", "file", "graph")


def read_graphs(path: str | Path) -> GraphDataset:
    """Read a table of graphs, with columns `path`, `label` and, if wanted, `split`.

    Paths are relative to the table. Each is a file or folder as for graphs whose nodes have labels; these are not
    needed here. Graphs that cannot be read are left out with a warning.

    Args:
        path: The table.

    Returns:
        The graphs with their classes and splits, 60/20/20 of each class if the table has none. No built-in model takes
        them: batches are for models of one's own.

    Raises:
        ValueError: If a column is missing, or no graph can be read.
    """
    import warnings

    import numpy as np

    from xgraph.data.ogb.graphs import GraphDataset

    path = Path(path)
    names = header_of(path)
    file, label = named_like(names, PATHS), named_like(names, LABELS)
    if file is None or label is None:
        raise ValueError(f"{path} must have the columns 'path' and 'label', got {listed(names)}")
    split = named_like(names, ("split",))
    columns = read_arrow(path, [file, label, *([split] if split else [])])
    graphs, kept, problems = [], [], []
    for row, name in enumerate(columns[file].to_pylist()):
        try:
            graphs.append(_graph(path.parent / name))
            kept.append(row)
        except (ValueError, OSError) as error:
            problems.append(f"row {row}, {shown(name)}: {error}")
    if problems:
        text = f"{path}: left out {len(problems)} graph(s) that cannot be read; the first is {problems[0]}"
        if not graphs:
            raise ValueError(text)
        warnings.warn(text, stacklevel=2)
    rows = np.array(kept, dtype=np.int64)
    labels = read_labels({label: columns[label].take(rows)}, "multiclass", path)
    cells = None if split is None else columns[split].take(rows)
    given = GivenParts(len(columns[file]), rows, split or "split", cells)
    parts = parts_of(given, labels.y, None, OwnSplit("stratified"), path)
    return GraphDataset(graphs, labels.y, name=graph_name(path), class_names=labels.names, splits=parts)


def _graph(path: Path) -> Any:
    form = form_of(path)
    if form is None:
        raise ValueError(f"{path} is no graph")
    if form == SAVED:
        return read_saved(path)
    return data_of(read_graph(path, form))
