"""Kernels: how alike two rows of features are."""

import torch
from torch import Tensor

_FEW = 256


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """|aᵢ − bⱼ|², in float64.

    Args:
        a: Shape ``[n, F]``.
        b: Shape ``[m, F]``.

    Returns:
        Shape ``[n, m]``.

    Example:
        >>> squared_distances(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0]]))
        tensor([[25.]], dtype=torch.float64)
    """
    a, b = a.double(), b.double()
    return (a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T).clamp_(min=0)


def tanimoto(a: Tensor, b: Tensor) -> Tensor:
    """Σ min(aᵢ, bⱼ) / Σ max(aᵢ, bⱼ) of counts, in float64: of bits the Tanimoto similarity; 1 for two rows of zeros.

    It is the min-max kernel of Ralaivola et al., "Graph kernels for chemical informatics", Neural Networks 18, 2005.

    Args:
        a: No number below 0. Shape ``[n, F]``.
        b: The same. Shape ``[m, F]``.

    Returns:
        Shape ``[n, m]``, between 0 and 1.

    Example:
        >>> tanimoto(torch.tensor([[2.0, 1.0, 0.0]]), torch.tensor([[1.0, 1.0, 2.0]]))
        tensor([[0.4000]], dtype=torch.float64)
    """
    total = a.double().sum(1)[:, None] + b.double().sum(1)
    smaller = _sum_of_minima(a, b)
    return torch.where(total > 0, smaller / (total - smaller), 1.0)


def _sum_of_minima(a: Tensor, b: Tensor) -> Tensor:
    """Σ min(aᵢ, bⱼ): a minimum is the sum of the steps between values that both numbers reach.

    So where there are few values it is a sum of products of matrices of bits, many times faster than all pairs.
    """
    values: Tensor = torch.unique(torch.cat([a[a > 0], b[b > 0]]))
    if len(values) > _FEW:
        c, d = a.double(), b.double()
        return (c.sum(1)[:, None] + d.sum(1) - torch.cdist(c, d, p=1.0)) / 2
    found = a.new_zeros(len(a), len(b), dtype=torch.float64)
    below = 0.0
    for value in values.tolist():
        shared = (a >= value).any(0) & (b >= value).any(0)
        bits = [(one[:, shared] >= value).float() for one in (a, b)]
        found += (value - below) * (bits[0] @ bits[1].T)  # counts below 2²⁴ are exact in float32
        below = value
    return found
