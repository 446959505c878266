"""Means and standard deviations of features over a selection of items."""

from __future__ import annotations

import torch
from torch import Tensor

_CHUNK = 1 << 13  # rows converted to float64 together


def feature_statistics(features: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean and standard deviation of each feature over a selection of items, such as the training set.

    Args:
        features: Finite features. Shape ``[n, F]``.
        positions: Positions of the rows to use, int64, at least one. Shape ``[m]``.

    Returns:
        Mean and standard deviation, float32 ``[F]`` each. The standard deviation of a constant feature is 1.

    Raises:
        ValueError: If `positions` is empty.

    Example:
        >>> feature_statistics(torch.tensor([[1.0, 5.0], [3.0, 5.0], [8.0, 5.0]]), torch.tensor([0, 1]))
        (tensor([2., 5.]), tensor([1., 1.]))
    """
    if not len(positions):
        raise ValueError("positions is empty: statistics need at least one item")
    parts = torch.split(positions, _CHUNK)
    mean, square = torch.zeros(2, features.size(1), dtype=torch.float64)
    first = features[positions[0]]
    varies = torch.zeros(features.size(1), dtype=torch.bool)
    for rows in parts:
        x = features[rows]
        varies |= (x != first).any(0)  # rounding would give a constant feature a tiny deviation
        mean += x.double().sum(0) / len(positions)
    for rows in parts:
        square += (features[rows].double() - mean).square().sum(0)
    std = (square / len(positions)).sqrt().float()
    return mean.float(), torch.where(varies & (std > 0), std, 1.0)
