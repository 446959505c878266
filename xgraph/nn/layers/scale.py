"""A mean and a standard deviation per channel, fitted to data and saved with the model."""

import torch
from torch import Tensor, nn


class Scale(nn.Module):
    """The state of a standardisation: buffers `mean` and `std`, 0 and 1 until `fit` is called, and never trained."""

    mean: Tensor
    std: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("std", torch.ones(channels))

    def fit(self, mean: Tensor, std: Tensor) -> None:
        """Set mean and standard deviation, for example from :func:`xgraph.data.feature_statistics`.

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

    def extra_repr(self) -> str:
        """Show the number of channels or targets."""
        return str(len(self.mean))
