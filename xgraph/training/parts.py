"""Which items a run is trained on, validated on and tested on, where it is not as the data set has it."""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from xgraph.options import OptionError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import Tensor

    from xgraph.training.settings import TrainConfig

PARTS = ("train", "valid", "test")
OWN = "valid"
"""The word for `TrainConfig.inner` that leaves the validation part as it is."""

_INNER = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")
_SEED = 20_221_122  # of the cut, which is the same for every seed of a run


def inner_fold(text: str) -> tuple[int, int] | None:
    """Read `TrainConfig.inner`.

    Args:
        text: Such as "0/5", or "valid".

    Returns:
        Number of the inner fold, from 0, and of all of them; None for the data set's own validation part.

    Raises:
        OptionError: If it is neither.

    Example:
        >>> inner_fold("0/5"), inner_fold("valid")
        ((0, 5), None)
    """
    if text == OWN:
        return None
    found = _INNER.fullmatch(text)
    if found is None or not int(found[1]) < int(found[2]) or int(found[2]) < 2:
        raise OptionError(
            f"inner = {text!r}: expected an inner fold and how many there are, such as 0/5 to 4/5, or {OWN}"
        )
    return int(found[1]), int(found[2])


def scored_parts(config: "TrainConfig") -> tuple[str, ...]:
    """The parts whose metrics a run has when it ends: those that it was not trained on, but never test for `inner`.

    Args:
        config: Settings of the run.
    """
    if config.inner is not None:
        return ("valid",)
    return ("test",) if config.train_on == "train+valid" else ("valid", "test")


def check_parts(config: "TrainConfig") -> None:
    """Refuse settings that contradict each other.

    Args:
        config: Settings.

    Raises:
        OptionError: If they do.
    """
    if config.inner is not None:
        inner_fold(config.inner)
        if config.train_on != "train":
            raise OptionError(f"train_on = {config.train_on!r}: with inner = {config.inner} a part is left to validate")
    if config.train_on != "train" and config.keep != "last" and not config.fitted:
        raise OptionError(
            f"train_on = {config.train_on!r}: nothing is left to select an epoch by, which takes keep = 'last', "
            f"got keep = {config.keep!r}"
        )


def arrange(
    splits: "Mapping[str, Tensor]", targets: "Callable[[Tensor], Tensor]", config: "TrainConfig"
) -> "dict[str, Tensor]":
    """The parts of a data set as a run has them.

    With `train_on` "train+valid" the two are one, `train`, and there is no `valid`. With `inner` "k/K" they are joined
    and cut into K, stratified and the same for every seed: part k is `valid`, the others are `train`. The test part
    stays as it is.

    Args:
        splits: Positions of the parts, by name.
        targets: Labels [n, T] of positions [n].
        config: Settings of the run.

    Raises:
        ValueError: If there are fewer items than inner folds.
    """
    import torch

    made = dict(splits)
    inner = None if config.inner is None else inner_fold(config.inner)
    if (config.train_on == "train" and inner is None) or not {"train", "valid"} <= made.keys():
        return made
    both = torch.unique(torch.cat([made["train"], made["valid"]]))  # sorted
    if inner is None:
        del made["valid"]
        return {**made, "train": both}
    number, folds = inner
    if len(both) < folds:
        raise ValueError(f"inner = {config.inner}: {len(both)} items to train and validate on are fewer than {folds}")
    part = torch.from_numpy(cut(targets(both).numpy(), folds))
    return {**made, "train": both[part != number], "valid": both[part == number]}


def cut(y: "npt.NDArray[np.float32]", folds: int) -> "npt.NDArray[np.int64]":
    """Deal items out to parts of equal size, at random, positives and negatives each by themselves.

    Of several tasks or classes, an item counts as one of the rarest that it is positive for; items without any label
    are dealt out by themselves.

    Args:
        y: Labels 0/1, NaN = missing. Shape [n, T].
        folds: How many parts.

    Returns:
        The part of each item, from 0. Shape [n].

    Example:
        >>> import numpy as np
        >>> part = cut(np.array([[1.0]] * 4 + [[0.0]] * 6), 2)
        >>> [int((part[:4] == k).sum()) for k in (0, 1)], [int((part == k).sum()) for k in (0, 1)]
        ([2, 2], [5, 5])
    """
    import numpy as np

    from xgraph.data.bag_splits import bag_classes

    classes = bag_classes(y)
    order = np.random.default_rng(_SEED).permutation(len(y))
    order = order[np.argsort(classes[order], kind="stable")]
    part = np.empty(len(y), dtype=np.int64)
    part[order] = np.arange(len(y)) % folds  # one class goes on where the one before ended
    return part
