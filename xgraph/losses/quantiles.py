"""Quantiles of the columns of a batch of which some entries are missing."""

from __future__ import annotations

import torch
from torch import Tensor


def quantiles(values: Tensor, used: Tensor, shares: Tensor) -> Tensor:
    """Return quantiles of the used entries of each column, linear between the two nearest of them.

    Args:
        values: ``[B, T]``.
        used: ``[B, T]``, a mask.
        shares: ``[P]``, between 0 and 1.

    Returns:
        ``[T, P]``; infinite for a column without used entries.
    """
    ordered = torch.where(used, values, torch.inf).sort(0).values
    place = shares.unsqueeze(1) * (used.sum(0) - 1).clamp_min(0)
    low, high = (ordered.gather(0, end.long()) for end in (place.floor(), place.ceil()))
    return torch.where(low == high, low, torch.lerp(low, high, place.frac())).t().contiguous()
