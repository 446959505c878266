"""Which classes stand for all of them in a step, and how probable that was."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from xgraph.checks import holds_integers

Classes = Literal["uniform", "batch", "both"]


class Sample(NamedTuple):
    """The classes of one step.

    Args:
        classes: ``[M]``, all different, in ascending order, int64.
        log_share: ``[M]``, the logarithm of the probability that a class is among them, given that it is not the row's
            own; ``None`` if all are equally probable, so that the number of the others says it exactly.
    """

    classes: Tensor
    log_share: Tensor | None = None


def draw(num_classes: int, number: int, generator: torch.Generator | None) -> Tensor:
    """Draw classes uniformly, without replacement; all of them if `number` is not below their number."""
    if number >= num_classes:
        return torch.arange(num_classes)
    if number * 8 < num_classes:  # drawing a few again is faster than shuffling all
        chosen: Tensor = torch.unique(torch.randint(num_classes, (number + number // 4,), generator=generator))
        while len(chosen) < number:
            more = torch.randint(num_classes, (number,), generator=generator)
            chosen = torch.unique(torch.cat([chosen, more]))
        kept = torch.randperm(len(chosen), generator=generator)[:number]
        return chosen[kept].sort().values
    return torch.randperm(num_classes, generator=generator)[:number].sort().values


def log_share_in_batch(class_count: Tensor, size: int) -> Tensor:
    r"""Return the logarithm of the probability that a class has an item in a batch, beside an item of another class.

    .. math:: π_j = 1 - \binom{n - 1 - n_j}{B - 1} / \binom{n - 1}{B - 1}

    Args:
        class_count: ``[M]``, n_j, float64; followed by the sum over all classes, n, as the last element.
        size: B, the number of items in a batch, drawn without replacement.
    """
    own, total = class_count[:-1], class_count[-1]
    rest = total - 1 - own  # items that could fill the batch without the class
    least = size - 1
    missing = torch.full_like(own, -torch.inf)
    possible = rest >= least
    some = rest[possible]
    missing[possible] = (
        torch.lgamma(some + 1) - torch.lgamma(some - least + 1) - torch.lgamma(total) + torch.lgamma(total - least)
    )
    return torch.log(-torch.expm1(missing.clamp_max(0.0)))


def union(drawn: Tensor, labels: Tensor, log_share: Tensor, share: float) -> Sample:
    """Return the classes of a batch together with those that were drawn, each with a probability of `share`."""
    classes: Tensor = torch.unique(torch.cat([drawn, labels]))
    if share >= 1:
        return Sample(classes, torch.zeros_like(log_share[classes]))
    rest = torch.log1p(-log_share[classes].exp()) + math.log1p(-share)
    return Sample(classes, torch.log(-torch.expm1(rest)))


def known_among(known: Tensor, classes: Tensor, num_classes: int) -> Tensor:
    """Return ``[B, M]``, whether each class is one of the row's known ones.

    Args:
        known: ``[B, K]``, boolean or in the sparse CSR layout.
        classes: ``[M]``.
        num_classes: K.
    """
    if known.layout != torch.sparse_csr:
        return known.index_select(1, classes)
    start, column = known.crow_indices(), known.col_indices()
    place = torch.full((num_classes,), -1, device=column.device).index_copy_(
        0, classes, torch.arange(len(classes), device=column.device)
    )
    row = torch.repeat_interleave(torch.arange(len(start) - 1, device=column.device), start.diff())
    slot = place[column]
    mask = torch.zeros(len(start) - 1, len(classes), dtype=torch.bool, device=column.device)
    mask[row[slot >= 0], slot[slot >= 0]] = True
    return mask


def check_known(known: Tensor, rows: int, num_classes: int) -> None:
    """Raise unless the mask is boolean or sparse, of the right shape."""
    if not isinstance(known, Tensor):
        raise TypeError(f"known must be a tensor, got {type(known).__name__}")
    if tuple(known.shape) != (rows, num_classes):
        raise ValueError(f"known must have the shape [{rows}, {num_classes}], got {list(known.shape)}")
    if known.layout != torch.sparse_csr and known.dtype != torch.bool:
        raise TypeError(f"known must be boolean, or sparse in the CSR layout, got {known.dtype}")


def check_count(class_count: Tensor, num_classes: int) -> Tensor:
    """Return the sizes of the classes as float64, followed by their sum."""
    if not isinstance(class_count, Tensor) or not holds_integers(class_count):
        kind = class_count.dtype if isinstance(class_count, Tensor) else type(class_count).__name__
        raise TypeError(f"class_count must be a tensor of integers, got {kind}")
    if class_count.shape != (num_classes,):
        raise ValueError(f"class_count must have the shape [{num_classes}], got {list(class_count.shape)}")
    if bool((class_count < 0).any()) or not bool(class_count.any()):
        raise ValueError("class_count must hold the number of items of each class, 0 or more, and not only zeros")
    sizes = class_count.double()
    return torch.cat([sizes, sizes.sum().unsqueeze(0)])
