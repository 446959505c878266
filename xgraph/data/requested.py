"""What a user asks `load` for: a data frame, a file or a registered name; a split and a fold."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from xgraph.data.cards.named import names
from xgraph.data.loaders import OWN_SPLITS
from xgraph.data.splits.own import GIVEN, WHOLE, OwnSplit
from xgraph.data.storage.root import expanded
from xgraph.data.tables.formats import ENDINGS
from xgraph.data.tables.frame import FrameTable
from xgraph.messages import shown


def own_split(split: str | None, form: str, label: str, **options: Any) -> OwnSplit:
    """Check the options for the split of a file of one's own."""
    known = OWN_SPLITS[form]
    if split is not None and split not in (*known, GIVEN, WHOLE):
        raise ValueError(f"split must be one of {', '.join([*known, GIVEN])} for {label!r}, got {split!r}")
    if isinstance(options["fold"], bool) or not isinstance(options["fold"], int | None):
        raise TypeError(f"fold must be an integer, got {options['fold']!r}")
    if split == WHOLE:
        return OwnSplit(WHOLE)
    splitting = OwnSplit(split, **options)
    if splitting.is_given or split or form == "folder of bags":  # its table of labels may define the parts
        return splitting
    return replace(splitting, split=known[0])


def as_table(name: object) -> FrameTable | None:
    """Return a data frame as a table; None for anything else."""
    if isinstance(name, FrameTable):
        return name
    # without importing pandas for those who have no data frame
    pandas = sys.modules.get("pandas")
    return FrameTable(name) if pandas is not None and isinstance(name, pandas.DataFrame) else None


def own_table(name: str | Path) -> Path | None:
    """Return the path, unless the name is a registered data set."""
    text = str(name)
    if isinstance(name, str) and text in names():
        return None
    path = expanded(name)
    if os.path.exists(path):  # unlike `Path.exists`, no error for a name that is too long
        return path
    if isinstance(name, Path) or text.lower().endswith(ENDINGS) or "/" in text:
        raise FileNotFoundError(f"file {shown(text, 250)} does not exist")
    return None


def check_fold(fold: int | None, folds: int, label: str, split: str) -> None:
    """Refuse a fold that a split does not have."""
    if fold is None:
        return
    if isinstance(fold, bool) or not isinstance(fold, int):
        raise TypeError(f"fold must be an integer, got {fold!r}")
    if folds == 0:
        raise ValueError(f"fold={fold} cannot be used: the {split} split of {label!r} has no folds")
    if not 0 <= fold < folds:
        raise ValueError(f"fold must be between 0 and {folds - 1} for {label!r}, got {fold}")
