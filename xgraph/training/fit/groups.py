"""Groups of items, for losses and samplers that use groups."""

import warnings
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from xgraph.training.sources import Source


def make_groups(by: Literal["scaffold", "label"], source: "Source", smallest: int) -> Tensor:
    """Return the group of each item; groups with fewer than `smallest` training items are pooled into one."""
    key = source.group_keys(by)
    train = key[source.splits["train"].numpy()]
    sizes = np.bincount(train, minlength=int(key.max()) + 1)
    large = np.flatnonzero(sizes >= smallest)
    # If nothing is pooled, groups without training items may get any number: no batch will hold them.
    rest = len(large) if len(train) > sizes[large].sum() else 0
    number = np.full(len(sizes), rest, dtype=np.int64)
    number[large] = np.arange(len(large))
    groups = torch.from_numpy(number[key])
    if int(groups.max()) == 0:
        warnings.warn(
            f"groups = {by!r}: all {len(train)} training {source.noun} are in one group, so groups have no effect; a "
            f"group needs at least items_per_group = {smallest} {source.noun}",
            stacklevel=2,
        )
    return groups
