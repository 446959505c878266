"""Loading of a folder of bags with a split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from xgraph.data.bags.splits import bag_split
from xgraph.data.cards.targets import listed_targets
from xgraph.data.labels.rules import LabelRules
from xgraph.data.nodes.splits import Parts
from xgraph.data.storage.root import Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xgraph.data.bags.dataset import BagDataset


_USUAL = LabelRules()


def load_bag_folder(
    folder: Path,
    split: Literal["given", "scaffold", "stratified", "random"],
    *,
    labels: str | None = None,
    bag_column: str | None = None,
    target_columns: Sequence[str] | None = None,
    case_column: str | None = None,
    rules: LabelRules = _USUAL,
    separator: str | None = None,
    encoding: str | None = None,
    seed: int = 0,
    root: Path | None = None,
    progress: Progress | None = None,
) -> BagDataset:
    """Load a folder of bags with a split that keeps the bags of a case together."""
    from xgraph.data.bags.folder.read import read_bag_folder

    data = read_bag_folder(
        folder,
        labels,
        bag_column=bag_column,
        target_columns=listed_targets(target_columns),
        case_column=case_column,
        rules=rules,
        separator=separator,
        encoding=encoding,
        root=root,
        progress=progress,
    )
    parts = case_split(data.y.numpy(), data.cases, seed=seed if split == "random" else 0)
    data.splits = {part: torch.from_numpy(bags) for part, bags in parts.items()}
    return data


def case_split(y: NDArray[np.float32], cases: Sequence[str] | None, seed: int = 0) -> Parts:
    """Split cases 60/20/20 at random with all their bags, stratified by label: positive if one of the bags is."""
    if cases is None:
        return bag_split(y, seed=seed)
    names, case = np.unique(np.array(cases), return_inverse=True)
    of_case = np.full((len(names), y.shape[1]), np.nan, dtype=np.float32)
    for task in range(y.shape[1]):
        np.fmax.at(of_case[:, task], case, y[:, task])
    parts = bag_split(of_case, seed=seed)
    return {part: np.flatnonzero(np.isin(case, chosen)) for part, chosen in parts.items()}
