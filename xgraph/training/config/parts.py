"""Which items a run is trained on, validated on and tested on, where it is not as the data set has it."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from xgraph.training.config.sections import inner_fold

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import Tensor

    from xgraph.training.config.settings import TrainConfig

PARTS = ("train", "valid", "test")
_SEED = 20_221_122  # of the cut, which is the same for every seed of a run


def scored_parts(config: "TrainConfig") -> tuple[str, ...]:
    """The parts whose metrics a run has when it ends: those that it was not trained on, but never test for `inner`."""
    if config.inner is not None:
        return ("valid",)
    return ("test",) if config.train_on == "train+valid" else ("valid", "test")


def arrange(
    splits: "Mapping[str, Tensor]", targets: "Callable[[Tensor], Tensor]", config: "TrainConfig"
) -> "dict[str, Tensor]":
    """The parts of a data set as a run has them."""
    import torch

    parts = dict(splits)
    inner = None if config.inner is None else inner_fold(config.inner)
    if (config.train_on == "train" and inner is None) or not {"train", "valid"} <= parts.keys():
        return parts
    both = torch.unique(torch.cat([parts["train"], parts["valid"]]))  # sorted
    if inner is None:
        del parts["valid"]
        return {**parts, "train": both}
    number, folds = inner
    if len(both) < folds:
        raise ValueError(f"inner = {config.inner}: {len(both)} items to train and validate on are fewer than {folds}")
    of_item = torch.from_numpy(cut(targets(both).numpy(), folds))
    return {**parts, "train": both[of_item != number], "valid": both[of_item == number]}


def cut(y: "npt.NDArray[np.float32]", folds: int) -> "npt.NDArray[np.int64]":
    """Deal items out to parts of equal size, at random, positives and negatives each by themselves."""
    import numpy as np

    from xgraph.data.bags.splits import bag_classes

    classes = bag_classes(y)
    order = np.random.default_rng(_SEED).permutation(len(y))
    order = order[np.argsort(classes[order], kind="stable")]
    part = np.empty(len(y), dtype=np.int64)
    part[order] = np.arange(len(y)) % folds  # one class goes on where the one before ended
    return part
