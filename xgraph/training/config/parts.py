"""The training, validation and test parts of a run, where its settings change those of the data set."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from xgraph.training.config.sections import inner_fold

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import Tensor

    from xgraph.training.config.settings import TrainConfig

PARTS = ("train", "valid", "test")
_SEED = 20_221_122  # fixed, so that inner folds do not depend on the seed of the run


def scored_parts(config: "TrainConfig") -> tuple[str, ...]:
    """Return the parts that a finished run reports metrics for: those not trained on, and never test with `inner`."""
    if config.inner is not None:
        return ("valid",)
    return ("test",) if config.train_on == "train+valid" else ("valid", "test")


def arrange(
    splits: "Mapping[str, Tensor]", targets: "Callable[[Tensor], Tensor]", config: "TrainConfig"
) -> "dict[str, Tensor]":
    """Return the parts of a data set as the settings of a run define them."""
    import torch

    parts = dict(splits)
    inner = None if config.inner is None else inner_fold(config.inner)
    if (config.train_on == "train" and inner is None) or "train" not in parts:
        return parts
    both = torch.unique(torch.cat([parts[name] for name in ("train", "valid") if name in parts]))  # sorted
    if inner is None:
        parts.pop("valid", None)
        return {**parts, "train": both}
    number, folds = inner
    if len(both) < folds:
        raise ValueError(
            f"inner = {config.inner}: expected at least {folds} items in the training and validation parts, "
            f"got {len(both)}"
        )
    of_item = torch.from_numpy(assign_folds(targets(both).numpy(), folds))
    return {**parts, "train": both[of_item != number], "valid": both[of_item == number]}


def assign_folds(y: "npt.NDArray[np.float32]", folds: int) -> "npt.NDArray[np.int64]":
    """Assign items to parts of equal size at random, stratified by class."""
    from xgraph.data.splits.classes import bag_classes, random_folds

    return random_folds(bag_classes(y), folds, _SEED)
