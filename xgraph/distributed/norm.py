"""Batch normalisation by the rows of all processes, on the CPU as well as on GPUs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xgraph.distributed.gather import gather_equal


class SyncBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch normalisation whose mean and variance are those of the rows of all processes.

    Unlike :class:`torch.nn.SyncBatchNorm`, it also runs on the CPU, and a process may have no rows. As with
    :class:`xgraph.nn.BatchNorm`, fewer than two rows in all processes together are normalised by the running
    statistics. :func:`synchronized` replaces a model's layers.

    Example:
        >>> SyncBatchNorm.like(nn.BatchNorm1d(3)).eval()(torch.ones(2, 3)).shape
        torch.Size([2, 3])
    """

    @classmethod
    def like(cls, norm: nn.modules.batchnorm._BatchNorm) -> SyncBatchNorm:
        """Create a layer with the parameters, the statistics and the settings of another one."""
        new = cls(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
        new._parameters, new._buffers = norm._parameters, norm._buffers
        new.training = norm.training
        return new

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the columns of `x`. Shape ``[N, C]`` or ``[N, C, …]``."""
        if not self.training and self.running_mean is not None:
            same: Tensor = super().forward(x)
            return same
        rows = x.movedim(1, -1).reshape(-1, self.num_features).to(torch.promote_types(x.dtype, torch.float32))
        own = rows.sum(0) / max(len(rows), 1)
        count = rows.new_full((1,), len(rows))
        parts = gather_equal(torch.cat([count, own, (rows - own).square().sum(0)]))
        counts, means, squares = torch.split(parts, [1, self.num_features, self.num_features], 1)
        total = counts.sum().detach()
        if self.running_mean is not None and float(total) < 2:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, eps=self.eps)
        mean = (counts * means).sum(0) / total
        spread = (squares + counts * (means - mean).square()).sum(0)
        self._move_statistics(mean.detach(), spread.detach() / (total - 1))
        scale = (spread / total + self.eps).rsqrt()
        out = (rows - mean) * scale
        if self.affine:
            out = out * self.weight + self.bias
        return out.to(x.dtype).reshape(x.movedim(1, -1).shape).movedim(-1, 1)

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"x must have at least two dimensions, [N, C], got {list(input.shape)}")

    def _move_statistics(self, mean: Tensor, variance: Tensor) -> None:
        """Update the running statistics as PyTorch does."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
        self.running_var.lerp_(variance.to(self.running_var.dtype), share)
