"""Loading of a folder of bags with a split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xgraph.data.cards.targets import listed_targets
from xgraph.data.labels.rules import LabelRules
from xgraph.data.splits.own import OwnSplit
from xgraph.data.storage.root import Progress

if TYPE_CHECKING:
    from xgraph.data.bags.dataset import BagDataset

_USUAL = LabelRules()


def load_bag_folder(
    folder: Path,
    splitting: OwnSplit,
    *,
    labels: str | None = None,
    bag_column: str | None = None,
    target_columns: Sequence[str] | None = None,
    case_column: str | None = None,
    rules: LabelRules = _USUAL,
    separator: str | None = None,
    encoding: str | None = None,
    root: Path | None = None,
    progress: Progress | None = None,
) -> BagDataset:
    """Load a folder of bags with a split."""
    from xgraph.data.bags.folder.read import read_bag_folder

    return read_bag_folder(
        folder,
        labels,
        bag_column=bag_column,
        target_columns=listed_targets(target_columns),
        case_column=case_column,
        rules=rules,
        separator=separator,
        encoding=encoding,
        splitting=splitting,
        root=root,
        progress=progress,
    )
