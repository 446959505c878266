"""Standardisation of targets: a network predicts numbers of mean 0 and deviation 1, users see their own units."""

from __future__ import annotations

import torch
from torch import Tensor

from xgraph.nn.layers.scale import Scale


class TargetScale(Scale):
    """Convert between standardised predictions and the units of the target: ``y = prediction × std + mean``, per task.

    Mean and standard deviation are buffers: they are saved with the model and never trained. Until `fit` is called,
    numbers pass through unchanged.

    Args:
        num_tasks: Number T of targets per item.

    Example:
        >>> scale = TargetScale(1)
        >>> scale.fit(torch.tensor([-3.0]), torch.tensor([2.0]))
        >>> scale(torch.tensor([[0.5]])), scale.standardise(torch.tensor([[-2.0]]))
        (tensor([[-2.]]), tensor([[0.5000]]))
    """

    def __init__(self, num_tasks: int) -> None:
        super().__init__(num_tasks)

    def forward(self, predicted: Tensor) -> Tensor:
        """Convert standardised predictions ``[B, T]`` to the units of the targets."""
        return predicted * self.std + self.mean

    def standardise(self, y: Tensor) -> Tensor:
        """Convert numbers ``[B, T]`` in the units of the targets to standardised ones."""
        return (y - self.mean) / self.std


def target_statistics(y: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean and standard deviation of each target over its known numbers.

    Args:
        y: Numbers, NaN for missing. Shape ``[n, T]``.

    Returns:
        Mean and standard deviation, float32 ``[T]`` each. A target without a known number has mean 0; one without
        a known number, or with only one value, has the standard deviation 1.

    Example:
        >>> target_statistics(torch.tensor([[1.0, 5.0], [3.0, float("nan")]]))
        (tensor([2., 5.]), tensor([1., 1.]))
    """
    wide, known = y.double(), ~y.isnan()
    count = known.sum(0).clamp(min=1)
    first = torch.where(known, wide, torch.inf).amin(0) if len(y) else torch.full((y.size(1),), torch.inf)
    varies = (known & (wide > first)).any(0)  # rounding would give equal numbers a tiny deviation
    mean = torch.where(known, wide, 0).sum(0) / count
    std = (torch.where(known, wide - mean, 0).square().sum(0) / count).sqrt()
    return mean.float(), torch.where(varies & (std > 0), std, 1.0).float()
