"""Retrieval: how high the right item ranks among all others, by the similarity of vectors."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

ROWS = 1024
"""Rows that are compared with all others at a time."""


def ranks(queries: Tensor, items: Tensor) -> Tensor:
    """Return the rank of item i for query i, from 1, by cosine similarity; ties share the mean rank.

    Args:
        queries: ``[n, P]`` vectors.
        items: ``[n, P]`` vectors.

    Returns:
        ``[n]``, float64.

    Example:
        >>> ranks(torch.eye(3), torch.tensor([[1.0, 0, 0], [1, 0, 0], [0, 0, 1]])).tolist()
        [1.5, 2.0, 1.0]
    """
    one, two = F.normalize(queries.double()), F.normalize(items.double())
    out = []
    for begin in range(0, len(one), ROWS):
        scores = one[begin : begin + ROWS] @ two.t()
        own = (one[begin : begin + ROWS] * two[begin : begin + ROWS]).sum(1, keepdim=True)
        tied = (scores - own).abs() <= 1e-12  # a product of matrices and a sum may differ in the last bit
        above = ((scores > own) & ~tied).sum(1)
        out.append(1 + above + (tied.sum(1).clamp_min(1) - 1).double() / 2)
    return torch.cat(out).double()


def retrieval(queries: Tensor, items: Tensor, name: str) -> dict[str, float]:
    """Return how well the items, called `name`, are found: mean reciprocal rank, recall and median rank."""
    rank = ranks(queries, items)
    found = {f"{name}_recall@{k}": (rank <= k).double().mean().item() for k in (1, 5, 10)}
    return {f"{name}_mrr": (1 / rank).mean().item(), **found, f"{name}_median_rank": rank.quantile(0.5).item()}
