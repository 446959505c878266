"""Groups of items, for losses and batches that look at groups."""

import warnings
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from xgraph.training.sources import Source


def make_groups(by: Literal["scaffold", "label"], source: "Source", smallest: int) -> Tensor:
    """The group of each item of a data set."""
    key = source.group_keys(by)
    train = key[source.splits["train"].numpy()]
    sizes = np.bincount(train, minlength=int(key.max()) + 1)
    large = np.flatnonzero(sizes >= smallest)
    # Where nothing is pooled, a group that only other splits have may be any: no batch will hold it.
    rest = len(large) if len(train) > sizes[large].sum() else 0
    number = np.full(len(sizes), rest, dtype=np.int64)
    number[large] = np.arange(len(large))
    groups = torch.from_numpy(number[key])
    if int(groups.max()) == 0:
        warnings.warn(
            f"groups: by {by}, all {len(train)} training {source.noun} are in one group, so no group is worse than the "
            f"others (each needs items_per_group = {smallest} {source.noun})",
            stacklevel=2,
        )
    return groups
