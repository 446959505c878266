"""What the labels of a table of molecules are, for the defaults of a run, before the table is loaded."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from xgraph.data.labels.rules import LabelRules
from xgraph.data.tables.frame import FrameTable

_KNOWN = ("positive", "active_above", "active_below")  # settings that make labels 0 and 1 of any column


def task_of_table(path: Path | FrameTable, settings: Mapping[str, Any]) -> Literal["regression"] | None:
    """Return "regression" if the labels of a table are numbers; None if not, or if they cannot be read.

    Args:
        path: The table.
        settings: Settings of the run or options of `load`.
    """
    if any(settings.get(name) is not None for name in _KNOWN):
        return None
    names = ("smiles_column", "split_column", "separator", "encoding", "weight_column")
    reading = tuple(settings.get(name) for name in names)
    targets, missing = settings.get("target_columns"), settings.get("missing")
    listed = None if targets is None else tuple([targets] if isinstance(targets, str) else targets)
    asked: tuple[Any, ...] = (*reading, listed, tuple(missing or ()))
    with contextlib.suppress(ValueError, OSError, TypeError):  # what is wrong is said when the table is loaded
        if isinstance(path, FrameTable):
            return _read(path, *asked)
        about = path.stat()
        return _read_once(path, about.st_mtime_ns, about.st_size, *asked)
    return None


@lru_cache(maxsize=8)
def _read_once(path: Path, _changed: int, _size: int, *asked: Any) -> Literal["regression"] | None:
    """Read the labels of a file once, however often the settings of a run are completed."""
    return _read(path, *asked)


def _read(
    path: Path | FrameTable,
    smiles_column: str | None,
    split_column: str | None,
    separator: str | None,
    encoding: str | None,
    weight_column: str | None,
    target_columns: tuple[str, ...] | None,
    missing: tuple[str, ...],
) -> Literal["regression"] | None:
    from xgraph.data.molecules.table import read_table

    table = read_table(
        path,
        smiles_column=smiles_column,
        target_columns=None if target_columns is None else list(target_columns),
        rules=LabelRules(missing=missing, weight_column=weight_column),
        split_column=split_column,
        separator=separator,
        encoding=encoding,
    )
    return "regression" if table.task == "regression" else None
