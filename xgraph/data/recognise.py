"""What a file or folder of one's own holds: molecules, the nodes of a graph, or bags."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from xgraph.data.bags.folder.files import is_bag_folder
from xgraph.data.storage.root import expanded
from xgraph.data.tables.frame import FrameTable
from xgraph.data.tasks import task_of_table

Kind = Literal["graph", "node", "bag"]


class Recognised(NamedTuple):
    """What a file or folder holds.

    Args:
        kind: What a model predicts for: molecules ("graph"), nodes or bags.
        loader: Its key among the loaders of `load`.
        task: "multiclass" if the labels are classes that exclude each other, "binary" if they are 0 and 1, "regression"
            if they are numbers to predict, None if only the settings can tell.
    """

    kind: Kind
    loader: str
    task: Literal["binary", "multiclass", "regression"] | None = None


Recogniser = Callable[[Path, Mapping[str, Any]], Recognised | None]


def _bag_folder(path: Path, settings: Mapping[str, Any]) -> Recognised | None:
    if not is_bag_folder(path, settings):
        return None
    return Recognised("bag", "folder of bags", task_of_table(path, "folder of bags", settings))


_GRAPHS = (".npz", ".pt", ".pth", ".graphml", ".graphml.gz")
_TABLES = (".csv", ".tsv")


def _refuse_several(path: Path) -> None:
    """Refuse a table of the files of several graphs."""
    with path.open("rb") as file:
        header, first = (file.readline(1 << 16).decode("utf-8", "replace").strip() for _ in range(2))
    separator = "\t" if "\t" in header else ","
    names = [name.strip().lower() for name in header.split(separator)]
    cells = dict(zip(names, first.split(separator), strict=False))
    if any(cells.get(name, "").strip().lower().endswith(_GRAPHS) for name in ("path", "file", "graph")):
        raise ValueError(
            f"{path} lists several graphs; the built-in models predict for the nodes of one graph, or for molecules. "
            "In Python, xgraph.data.read_graphs reads them as a GraphDataset for a model of your own"
        )


def _nodes(path: Path, settings: Mapping[str, Any]) -> Recognised | None:
    """Recognise a graph whose nodes have labels."""
    if not (path.is_dir() or settings.get("edges") or path.name.lower().endswith(_GRAPHS)):
        if path.name.lower().endswith(_TABLES):
            _refuse_several(path)
        return None
    from xgraph.data.graphs.read import form_of, task_of

    form = form_of(path, settings.get("edges"))
    if form is None:
        return None
    return Recognised("node", "own nodes", settings.get("task") or task_of(path, form, settings))


RECOGNISERS: list[Recogniser] = [_bag_folder, _nodes]
"""Asked in order; each returns None for a path that it does not know. They read no more than they need."""


def recognise(path: Path | FrameTable | None, settings: Mapping[str, Any]) -> Recognised:
    """Return what a path holds; one that nothing recognises, or that does not exist, is a table.

    Args:
        path: A file or folder, or a table in memory; with None, only the settings tell.
        settings: Settings of the run or options of `load`. If they have a `kind`, only that one is considered.
    """
    kind, path = settings.get("kind"), expanded(path) if isinstance(path, Path) else path
    if isinstance(path, Path) and os.path.exists(path):  # unlike `Path.exists`, no error for a name that is too long
        for known in RECOGNISERS:
            found = known(path, settings)
            if found is not None and kind in (None, found.kind):
                return found
    bags = kind == "bag" or (kind is None and settings.get("bag_column") is not None)
    found = Recognised("bag", "table of bags") if bags else Recognised("graph", "table of molecules")
    if isinstance(path, FrameTable) or (isinstance(path, Path) and path.is_file()):
        found = found._replace(task=task_of_table(path, found.loader, settings))
    return found
