"""Standardisation of features: mean 0 and standard deviation 1."""

from torch import Tensor

from xgraph.nn.layers.scale import Scale


class FeatureScale(Scale):
    """Standardise features: subtract a mean and divide by a standard deviation.

    Mean and standard deviation are buffers: they are saved with the model and never trained. Until `fit` is called,
    features pass through unchanged. Unlike batch normalisation, the result for one item does not depend on the other
    items of the batch.

    Args:
        channels: Number C of features or image channels.

    Example:
        >>> import torch
        >>> scale = FeatureScale(2)
        >>> scale.fit(torch.tensor([1.0, 0.0]), torch.tensor([2.0, 1.0]))
        >>> scale(torch.tensor([[5.0, 7.0]]))
        tensor([[2., 7.]])
    """

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
