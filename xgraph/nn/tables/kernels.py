"""Kernels between rows of features."""

import torch
from torch import Tensor

_FEW = 256


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """Return ``|aᵢ − bⱼ|²`` for all pairs, in float64."""
    a, b = a.double(), b.double()
    return (a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T).clamp_(min=0)


def tanimoto(a: Tensor, b: Tensor) -> Tensor:
    """Return Σ min(aᵢ, bⱼ) / Σ max(aᵢ, bⱼ) for all pairs of counts, in float64; 1 for two rows of zeros."""
    total = a.double().sum(1)[:, None] + b.double().sum(1)
    smaller = _sum_of_minima(a, b)
    return torch.where(total > 0, smaller / (total - smaller), 1.0)


def _sum_of_minima(a: Tensor, b: Tensor) -> Tensor:
    """Return Σ min(aᵢ, bⱼ), as a sum over the steps between values that both numbers reach."""
    values: Tensor = torch.unique(torch.cat([a[a > 0], b[b > 0]]))
    if len(values) > _FEW:
        c, d = a.double(), b.double()
        return (c.sum(1)[:, None] + d.sum(1) - torch.cdist(c, d, p=1.0)) / 2
    total = a.new_zeros(len(a), len(b), dtype=torch.float64)
    below = 0.0
    for value in values.tolist():
        shared = (a >= value).any(0) & (b >= value).any(0)
        bits = [(one[:, shared] >= value).float() for one in (a, b)]
        total += (value - below) * (bits[0] @ bits[1].T)  # counts below 2²⁴ are exact in float32
        below = value
    return total
