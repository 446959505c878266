"""Normalisation layers, and batch normalisation that accepts a single row."""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

Norm = Literal["none", "batch", "layer"]


class BatchNorm(nn.BatchNorm1d):
    """Like :class:`torch.nn.BatchNorm1d`, but accepts a batch of fewer than two rows in training.

    A single row has no variance (for example a one-atom molecule alone in its batch, or the virtual node of a single
    graph). It is normalised by the running statistics, which are then not updated.

    Args:
        num_features: Number of channels C of the input ``[N, C]``.

    Example:
        >>> import torch
        >>> BatchNorm(3)(torch.ones(1, 3)).shape
        torch.Size([1, 3])
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the columns of `x`. Shape ``[N, C]``."""
        if self.training and x.size(0) < 2:
            return F.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, training=False, eps=self.eps
            )
        return super().forward(x)


def make_norm(norm: Norm, channels: int) -> nn.Module:
    """Create the normalisation that follows a layer; the identity for "none"."""
    if norm == "batch":
        return BatchNorm(channels)
    return nn.LayerNorm(channels) if norm == "layer" else nn.Identity()
