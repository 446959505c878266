"""What normalises the vectors of nodes; batch normalisation that takes a batch of one."""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

Norm = Literal["none", "batch", "layer"]


class BatchNorm(nn.BatchNorm1d):
    """`torch.nn.BatchNorm1d` over rows, except that fewer than two rows are no error in training.

    One row has no variance (a molecule of one atom alone in its batch, or a virtual node of a single graph):
    it is normalised by the running statistics, which stay as they are.

    Args:
        num_features: Channels C of the input ``[N, C]``.

    Example:
        >>> import torch
        >>> BatchNorm(3)(torch.ones(1, 3)).shape
        torch.Size([1, 3])
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the columns of `x`, ``[N, C]``."""
        if self.training and x.size(0) < 2:
            return F.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, training=False, eps=self.eps
            )
        return super().forward(x)


def make_norm(norm: Norm, channels: int) -> nn.Module:
    """Make what normalises a layer's output."""
    if norm == "batch":
        return BatchNorm(channels)
    return nn.LayerNorm(channels) if norm == "layer" else nn.Identity()
