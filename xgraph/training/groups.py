"""Groups of molecules, for losses and batches that look at groups."""

import warnings
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from xgraph.data import MoleculeDataset


def make_groups(by: Literal["scaffold", "label"], data: "MoleculeDataset", smallest: int) -> Tensor:
    """The group of each molecule of a data set.

    Groups with fewer than `smallest` training molecules are pooled into one.

    Args:
        by: "scaffold" (Bemis-Murcko, with chirality, as in the scaffold split; molecules without rings are one
            group) or "label" (molecules with the same labels in all tasks).
        data: The data set, with a split `train`.
        smallest: Training molecules that a group of its own needs.

    Returns:
        Numbers from 0, int64 [n], for all splits.

    Warns:
        UserWarning: All training molecules are in one group.
    """
    if by == "scaffold":
        from xgraph.data.splits import scaffold_groups

        key = scaffold_groups(data.smiles)
    else:
        key = np.unique(np.nan_to_num(data.y.numpy(), nan=-1.0), axis=0, return_inverse=True)[1].reshape(-1)
    train = key[data.splits["train"].numpy()]
    sizes = np.bincount(train, minlength=int(key.max()) + 1)
    large = np.flatnonzero(sizes >= smallest)
    # Where nothing is pooled, a group that only other splits have may be any: no batch will hold it.
    rest = len(large) if len(train) > sizes[large].sum() else 0
    number = np.full(len(sizes), rest, dtype=np.int64)
    number[large] = np.arange(len(large))
    groups = torch.from_numpy(number[key])
    if int(groups.max()) == 0:
        warnings.warn(
            f"groups: by {by}, all {len(train)} training molecules are in one group, so no group is worse than the "
            f"others (each needs items_per_group = {smallest} molecules)",
            stacklevel=2,
        )
    return groups
