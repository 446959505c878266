"""Whether the labels of a table of one's own are numbers to predict, before it is read as a data set."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from xgraph.data.labels.rules import LabelRules
from xgraph.data.tables.frame import FrameTable, TablePath

Settings = Mapping[str, Any]
_SHAPING = ("positive", "active_above", "active_below")
_USED = (
    "bag_column", "case_column", "encoding", "feature_columns", "labels", "missing", "separator", "smiles_column",
    "split_column", "target_columns", "weight_column",
)  # fmt: skip


def task_of_table(source: TablePath, loader: str, settings: Settings) -> Literal["regression"] | None:
    """Return "regression" if the labels of a table are numbers; None if not, or if it cannot be read.

    Whatever is wrong with the table is an error when it is read as a data set.

    Args:
        source: A table, or a folder of bags.
        loader: Its key among the loaders of `load`.
        settings: Settings of the run or options of `load`, also as they were typed.
    """
    if settings.get("task") is not None or any(settings.get(name) is not None for name in _SHAPING):
        return None
    used = {name: settings[name] for name in _USED if settings.get(name) is not None}
    used |= {name: _listed(used[name]) for name in ("missing", "target_columns") if name in used}
    if isinstance(source, FrameTable):
        return _task(source, loader, used)
    path = Path(source)
    table = Path(str(used["labels"])).expanduser() if "labels" in used else path
    state = tuple((os.stat(one).st_mtime_ns, os.stat(one).st_size) for one in {path, table} if os.path.exists(one))
    return _kept(path, loader, json.dumps(used, sort_keys=True, default=str), state)


@lru_cache(maxsize=16)
def _kept(path: Path, loader: str, used: str, state: object) -> Literal["regression"] | None:
    """Read a file that has not changed only once: the settings of a run are built several times."""
    return _task(path, loader, json.loads(used))


def _task(source: TablePath, loader: str, settings: Settings) -> Literal["regression"] | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are given when the data set is read
        try:
            rules = LabelRules(missing=settings.get("missing") or (), weight_column=settings.get("weight_column"))
            return "regression" if _READ[loader](source, settings, rules) == "regression" else None
        except (ValueError, OSError):
            return None


def _of_molecules(source: TablePath, settings: Settings, rules: LabelRules) -> str:
    from xgraph.data.molecules.table import read_table

    return read_table(
        source,
        smiles_column=settings.get("smiles_column"),
        target_columns=settings.get("target_columns"),
        rules=rules,
        split_column=settings.get("split_column"),
        separator=settings.get("separator"),
        encoding=settings.get("encoding"),
    ).task


def _of_bags(source: TablePath, settings: Settings, rules: LabelRules) -> str:
    from xgraph.data.bags.columns import as_text, read_frame
    from xgraph.data.bags.roles import choose_roles
    from xgraph.data.labels.choose import choose_labels

    targets: list[str] = []

    def needed(header: Sequence[str]) -> list[str]:
        free = [name for name in header if name != rules.weight_column]
        targets.extend(choose_roles(free, settings.get("bag_column"), settings.get("target_columns")).targets)
        return targets

    frame = read_frame(
        source if isinstance(source, FrameTable) else Path(source),
        settings.get("bag_column"),
        separator=settings.get("separator"),
        encoding=settings.get("encoding"),
        needed=needed,
    )
    return choose_labels({name: as_text(frame[name]) for name in targets}, rules, requested=targets).task


def _of_folder(source: TablePath, settings: Settings, rules: LabelRules) -> str:
    from xgraph.data.bags.folder.labels import task_of_folder

    return task_of_folder(
        Path(str(source)),
        settings.get("labels"),
        bag_column=settings.get("bag_column"),
        target_columns=settings.get("target_columns"),
        case_column=settings.get("case_column"),
        split_column=settings.get("split_column"),
        rules=rules,
        separator=settings.get("separator"),
        encoding=settings.get("encoding"),
    )


_READ: dict[str, Callable[[TablePath, Settings, LabelRules], str]] = {
    "table of molecules": _of_molecules,
    "table of bags": _of_bags,
    "folder of bags": _of_folder,
}


def _listed(value: Any) -> list[str]:
    """Return words as a list, also of text as it was typed."""
    return [word.strip() for word in value.split(",")] if isinstance(value, str) else list(value)
