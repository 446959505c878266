"""The molecules that an encoder is pretrained on."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    split(config, data, np.arange(len(data)))
    return data


def split(config: PretrainConfig, data: JoinedDataset, positions: np.ndarray[Any, np.dtype[np.int64]]) -> None:
    """Hold out a part of the molecules at some positions for validation."""
    held = max(round(config.valid_share * len(positions)), 2)
    if len(positions) - held < 2:
        why = "after exclusion" if len(positions) == len(data) else "with a text"
        raise ValueError(
            f"datasets: only {len(positions)} of {data.counts.given} molecules remain {why}, which is too few"
        )
    order = positions[np.random.default_rng(config.seed).permutation(len(positions))]
    data.splits = {
        "train": torch.from_numpy(np.sort(order[held:])),
        "valid": torch.from_numpy(np.sort(order[:held])),
    }


def load_texts(config: PretrainConfig, data: JoinedDataset) -> list[str]:
    """Return the text of each molecule, and split those that have one; warn if some have none."""
    from xgraph.data.texts import texts_of

    texts = texts_of(data.smiles, config.datasets, config.text_column or "")
    positions = np.array([i for i, text in enumerate(texts) if text], dtype=np.int64)
    if len(positions) < len(data):
        warnings.warn(
            f"left out {len(data) - len(positions)} of {len(data)} molecules, whose text is blank", stacklevel=2
        )
    split(config, data, positions)
    return texts


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
