"""Warn if a new table, on which runs are evaluated, holds what they were trained on."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xgraph.messages import shown
from xgraph.training.config.build import TrainConfig, build_config
from xgraph.training.files.checkpoint import HEADER
from xgraph.training.files.leaks import LEARNED
from xgraph.training.fit.loading import load_options
from xgraph.training.sources import Source


def warn_of_training_rows(states: Sequence[Mapping[str, Any]], data: Any, source: Source) -> None:
    """Warn if a table is the runs' own one, or has molecules that stood in their training parts.

    Molecules are compared as their graphs show them. If the runs' own data are not there any more, nothing is said.

    Args:
        states: Checkpoints of the runs.
        data: The table as the user gave it.
        source: The same, read.
    """
    configs = [build_config({}, state[HEADER]["config"], saved=True) for state in states]
    if any(_same_file(config.dataset, data) for config in configs):
        warnings.warn(
            f"data: {data} holds the training rows of the run, so its scores there are too optimistic; for the parts "
            "that it was not trained on, give split (--split test)",
            stacklevel=4,
        )
        return
    if source.kind != "graph":
        return
    from xgraph.data.molecules.identity import identities

    known = _training_molecules(states, configs)
    if not known:
        return
    standardize = configs[0].standardize
    learned = set(identities(known, level="graph", standardize=standardize))
    smiles = source.data.smiles
    twice = [text for text, same in zip(smiles, identities(smiles, level="graph", standardize=standardize), strict=True)
             if same in learned]  # fmt: skip
    if twice:
        warnings.warn(
            f"data: {len(twice)} of the {len(smiles)} molecules of {source.name!r} (such as {shown(twice[0])}) were in "
            "the training part of the run, so its scores are too optimistic",
            stacklevel=4,
        )


def _training_molecules(states: Sequence[Mapping[str, Any]], configs: Sequence[TrainConfig]) -> list[str]:
    """Return the molecules that runs on the data of the first one were trained on, as far as that is known."""
    from xgraph.data import load

    first = states[0][HEADER]
    bits = np.zeros(-(-first["num_items"] // 8), dtype=np.uint8)
    for state, config in zip(states, configs, strict=True):
        header = state[HEADER]
        if LEARNED in header and config.dataset == configs[0].dataset and header["num_items"] == first["num_items"]:
            bits |= header[LEARNED].numpy()
    options = {**load_options(configs[0]), "features": None}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # said when the run was trained
            own: Any = load(configs[0].dataset, **options)
    except (OSError, ValueError):  # it has moved or changed, or was an object
        return []
    if len(own) != first["num_items"]:
        return []
    return [own.smiles[i] for i in np.flatnonzero(np.unpackbits(bits, count=len(own))).tolist()]


def _same_file(own: str, data: Any) -> bool:
    """Whether data are the file of a run."""
    there = isinstance(data, str | Path) and Path(data).exists() and Path(own).exists()
    return there and Path(own).resolve() == Path(data).resolve()
