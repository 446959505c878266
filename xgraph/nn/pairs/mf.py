"""Matrix factorisation."""

from __future__ import annotations

from torch import Tensor

from xgraph.nn.pairs.base import PairModel


class MatrixFactorization(PairModel):
    """Matrix factorisation: each user and each item has a learned vector.

    Args:
        num_users: U.
        num_items: M.
        channels: Size of the vectors.
        temperature: Divide cosines by this number; ``None`` for plain products.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> import torch
        >>> model = MatrixFactorization(num_users=3, num_items=5, channels=8)
        >>> model(torch.tensor([0, 2]), torch.tensor([4, 1])).shape
        torch.Size([2])
        >>> model.scorer()(torch.tensor([1])).shape
        torch.Size([1, 5])
    """

    def vectors(self) -> Tensor:
        """Return the learned vectors."""
        return self.weight
