"""Train, valid and test splits of bags: published folds, or stratified by label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xgraph.data.nodes.splits import Parts, stratified_split
from xgraph.data.splits.classes import bag_classes

if TYPE_CHECKING:
    from xgraph.data.published.bags import BagArrays

_VALID = 0.1  # of a fold's training part


def bag_split(y: NDArray[np.float32], seed: int = 0) -> Parts:
    """Split bags 60/20/20 at random, stratified by label or by the decile of the number."""
    # With several tasks, a bag is stratified by the rarest task for which it is positive.
    return stratified_split(bag_classes(y), seed=seed)


def given_split(arrays: BagArrays, fold: int | None, name: str) -> Parts:
    """Return a published fold, or the split that comes with the bags."""
    # The folds define train and test. Valid is a tenth of the training part, stratified by label and drawn with the
    # number of the fold as seed.
    if arrays.parts is not None:
        return dict(arrays.parts)
    task = arrays.task_names[0]
    if task not in arrays.folds:
        others = ", ".join(map(repr, arrays.folds))
        raise ValueError(
            f"{name} has no given folds for {task!r}, but for {others}: choose one by target_columns "
            "(--target-columns), or another split"
        )
    number = fold or 0
    train = np.flatnonzero(arrays.folds[task][number])
    classes = bag_classes(arrays.y[:, :1])[train]
    parts = stratified_split(classes, (1 - _VALID, _VALID, 0.0), seed=number)
    return {
        "train": train[parts["train"]],
        "valid": train[parts["valid"]],
        "test": np.flatnonzero(~arrays.folds[task][number]),
    }
