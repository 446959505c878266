"""The molecules that an encoder is pretrained on."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from xgraph.data.storage.root import expanded
from xgraph.messages import shown
from xgraph.training.fit.bars import data_progress
from xgraph.training.pretraining.settings import PretrainConfig

if TYPE_CHECKING:
    from xgraph.data import JoinedDataset


def load_joined(config: PretrainConfig, progress: bool) -> JoinedDataset:
    """Join the data sets and hold out a part for validation; warn if some rows could not be read."""
    from xgraph.data import collect

    with data_progress(progress) as report:
        data = collect(
            config.datasets,
            exclude=config.exclude or (),
            labelled=config.objective == "multitask",
            standardize=config.standardize,
            progress=report,
        )
    if data.errors:
        first = data.errors[0]
        warnings.warn(
            f"left out {len(data.errors)} row(s) that could not be read; the first is row {first.row}, "
            f"{shown(first.smiles)}: {first.message}",
            stacklevel=2,
        )
    held = max(round(config.valid_share * len(data)), 2)
    if len(data) - held < 2:
        raise ValueError(
            f"datasets: only {len(data)} of {data.counts.given} molecules remain after exclusion, which is too few"
        )
    order = np.random.default_rng(config.seed).permutation(len(data))
    data.splits = {
        "train": torch.from_numpy(np.sort(order[held:])),
        "valid": torch.from_numpy(np.sort(order[:held])),
    }
    return data


def summary(config: PretrainConfig, data: JoinedDataset, path: Path) -> str:
    """Return a line that describes the data and how many molecules were excluded."""
    counts = data.counts
    plural = "" if data.num_tasks == 1 else "s"
    tasks = f", {data.num_tasks} task{plural}" if config.objective == "multitask" else ""
    conflicts = f", {counts.conflicts} contradictory labels dropped" if counts.conflicts else ""
    return (
        f"{data.name}: {counts.given} molecules, {counts.excluded} excluded, {counts.repeated} duplicates{conflicts}; "
        f"{len(data.splits['train'])} train, {len(data.splits['valid'])} valid{tasks}; run directory {path}\n"
    )


def full_paths(names: list[str]) -> list[str]:
    """Make paths of files absolute; names of data sets stay as they are."""
    from xgraph.data.cards.named import names as known

    return [
        name if name in known() or not expanded(name).is_file() else str(expanded(name).resolve()) for name in names
    ]
