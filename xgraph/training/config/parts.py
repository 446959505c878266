"""The training, validation and test parts of a run, where its settings change those of the data set."""

from collections.abc import Callable, Mapping, Sequence
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
    splits: "Mapping[str, Tensor]",
    targets: "Callable[[Tensor], Tensor]",
    config: "TrainConfig",
    cases: "Sequence[str] | None" = None,
    scaffolds: "Callable[[], npt.NDArray[np.int64]] | None" = None,
) -> "dict[str, Tensor]":
    """Return the parts of a data set as the settings of a run define them; items of the same case stay together.

    Args:
        splits: The parts of the data set.
        targets: Returns the labels of items.
        config: The settings of the run.
        cases: The case of each item.
        scaffolds: Returns a number per item that is the same for items with the same scaffold.
    """
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
    own = None if cases is None else [cases[i] for i in both.tolist()]
    if config.inner_groups is not None:
        if scaffolds is None:
            raise ValueError(f"inner_groups = {config.inner_groups!r}: this setting is for molecules")
        from xgraph.data.splits.classes import bag_classes
        from xgraph.data.splits.groups import group_folds

        keys = scaffolds()[both.numpy()]
        of_item = torch.from_numpy(group_folds(keys, bag_classes(targets(both).numpy()), folds, _SEED))
    else:
        of_item = torch.from_numpy(assign_folds(targets(both).numpy(), folds, own))
    return {**parts, "train": both[of_item != number], "valid": both[of_item == number]}


def assign_folds(
    y: "npt.NDArray[np.float32]", folds: int, cases: "Sequence[str] | None" = None
) -> "npt.NDArray[np.int64]":
    """Assign items, or cases with all their items, to parts of equal size at random, stratified by class."""
    from xgraph.data.splits.classes import bag_classes, random_folds

    if cases is not None:
        from xgraph.data.bags.folder.splits import case_keys
        from xgraph.data.splits.groups import group_folds

        return group_folds(case_keys(cases), bag_classes(y), folds, _SEED)
    return random_folds(bag_classes(y), folds, _SEED)
