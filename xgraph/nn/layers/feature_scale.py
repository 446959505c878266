"""Standardisation of features: mean 0 and standard deviation 1."""

import torch
from torch import Tensor, nn


class FeatureScale(nn.Module):
    """Standardise features: subtract a mean and divide by a standard deviation.

    Mean and standard deviation are buffers: they are saved with the model and never trained. Until `fit` is called,
    features pass through unchanged. Unlike batch normalisation, the result for one item does not depend on the other
    items of the batch.

    Args:
        channels: Number C of features or image channels.

    Example:
        >>> scale = FeatureScale(2)
        >>> scale.fit(torch.tensor([1.0, 0.0]), torch.tensor([2.0, 1.0]))
        >>> scale(torch.tensor([[5.0, 7.0]]))
        tensor([[2., 7.]])
    """

    mean: Tensor
    std: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("std", torch.ones(channels))

    def fit(self, mean: Tensor, std: Tensor) -> None:
        """Set mean and standard deviation, for example from :func:`xgraph.data.instance_statistics`.

        Args:
            mean: Means. Shape ``[C]``.
            std: Standard deviations. Shape ``[C]``.

        Raises:
            ValueError: If a shape is wrong, a value is not finite, or a standard deviation is not positive.
        """
        for name, value in (("mean", mean), ("std", std)):
            if value.shape != self.mean.shape:
                raise ValueError(f"{name} must have shape {list(self.mean.shape)}, got {list(value.shape)}")
            if not bool(value.isfinite().all()) or (name == "std" and not bool((value > 0).all())):
                raise ValueError(f"{name} must be finite{' and positive' if name == 'std' else ''}")
        self.mean.copy_(mean)
        self.std.copy_(std)

    def forward(self, x: Tensor) -> Tensor:
        """Standardise features ``[n, C]`` or images ``[n, C, height, width]``.

        Args:
            x: Features or images, as floating-point numbers.

        Raises:
            ValueError: If the number of features or channels is not C.
        """
        if x.dim() < 2 or x.size(1) != len(self.mean):
            raise ValueError(f"x must have shape [n, {len(self.mean)}, ...], got {list(x.shape)}")
        shape = (-1,) + (1,) * (x.dim() - 2)
        return (x - self.mean.view(shape)) / self.std.view(shape)

    def extra_repr(self) -> str:
        """Show the number of channels."""
        return str(len(self.mean))
