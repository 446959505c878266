"""Runs that predict numbers."""

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from xgraph.losses.batch import LIMIT
from xgraph.messages import listed
from xgraph.nn import Model, target_statistics
from xgraph.options import OptionError

if TYPE_CHECKING:
    from xgraph.training.sources import Source


def predict_numbers(model: Model, source: "Source") -> None:
    """Switch a new model to the numbers of a data set, standardised by its training part."""
    try:
        model.predict_numbers()
    except ValueError as error:  # the model predicts labels only
        raise OptionError(str(error)) from None
    if model.target_scale is not None:
        model.target_scale.fit(*target_statistics(source.targets(source.splits["train"])))


def check_numbers(source: "Source", parts: Mapping[str, str]) -> None:
    """Raise `ValueError` if the numbers of a data set cannot be learned, and warn if some targets cannot.

    Args:
        source: The data.
        parts: The parts by the names that people know.
    """
    y = source.targets(source.splits["train"]).numpy()
    large = np.argwhere(np.abs(np.nan_to_num(y)) > LIMIT)
    if len(large):
        row, target = large[0].tolist()
        raise ValueError(
            f"dataset: target {source.task_names[target]!r} of {source.name!r} has the number {y[row, target]:g}, but "
            f"losses compute in 32 bits, within ±{LIMIT:g}; give it in other units, or its logarithm"
        )
    varied = {part: _varies(source.targets(source.splits[part]).numpy()) for part in ("train", *source.scored)}
    if not varied["train"].any():
        known = int((~np.isnan(y)).sum())
        what = f"{known} equal numbers" if known else "no number"
        raise ValueError(
            f"dataset: the training part of {source.name!r} has {what} for each target, so that nothing can be learned"
        )
    for part, fine in varied.items():
        if not fine.all():
            lacking = listed([source.task_names[t] for t in np.flatnonzero(~fine)], 10)
            effect = "cannot be learned" if part == "train" else "have no correlation there"
            warnings.warn(
                f"targets without two different numbers in the {parts[part]} part {effect}: {lacking}", stacklevel=4
            )


def _varies(y: "np.ndarray[tuple[int, int], np.dtype[np.float32]]") -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Whether each column has two different numbers."""
    varies: np.ndarray[tuple[int], np.dtype[np.bool_]] = np.zeros(y.shape[1], dtype=bool)
    for target, own in enumerate(y.T):
        known = own[~np.isnan(own)]
        varies[target] = len(known) > 0 and bool((known != known[0]).any())
    return varies
