"""Encoders of instances, from features or images to vectors."""

from itertools import pairwise
from typing import Literal, get_args

import torch.nn.functional as F
from torch import Tensor, nn

from xgraph.checks import choice, integer
from xgraph.nn.layers.dropout import Dropout
from xgraph.nn.layers.norm import BatchNorm
from xgraph.nn.layers.reset import reset_parameters
from xgraph.nn.molecules.gine import GINE

Encoder = Literal["mlp", "cnn", "gine"]
InstanceNorm = Literal["none", "batch", "layer"]


class FeatureEncoder(nn.Module):
    """Encodes feature rows by repeated linear, normalisation, ReLU and dropout layers."""

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int = 128,
        num_layers: int = 2,
        dropout: float = 0.0,
        norm: InstanceNorm = "none",
    ) -> None:
        super().__init__()
        choice("norm", norm, get_args(InstanceNorm))
        self.in_channels = in_channels
        self.layers = nn.Sequential()
        for width in [in_channels] + [hidden_channels] * (num_layers - 1):
            self.layers.append(nn.Linear(width, hidden_channels))
            if norm != "none":
                self.layers.append(BatchNorm(hidden_channels) if norm == "batch" else nn.LayerNorm(hidden_channels))
            self.layers.append(nn.ReLU(inplace=True))
            self.layers.append(Dropout(dropout))

    def reset_parameters(self) -> None:
        """Reinitialise all weights."""
        reset_parameters(self.layers)

    def forward(self, x: Tensor) -> Tensor:
        """Return vectors, ``[n, hidden_channels]``."""
        if x.dim() != 2 or x.size(1) != self.in_channels:
            raise ValueError(f"x must have shape [n, {self.in_channels}], got {list(x.shape)}")
        out: Tensor = self.layers(x)
        return out


class ImageEncoder(nn.Module):
    """Encodes small images by repeated 3 × 3 convolution, ReLU and 2 × 2 max pooling, then one linear layer."""

    def __init__(self, in_channels: int, hidden_channels: int = 128, num_layers: int = 2, dropout: float = 0.0) -> None:
        super().__init__()
        self.in_channels = in_channels
        widths = [in_channels] + [32 * 2**layer for layer in range(num_layers)]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, kernel_size=3, padding=1) for a, b in pairwise(widths))
        self.linear = nn.Linear(16 * widths[-1], hidden_channels)
        self.dropout = Dropout(dropout)

    def reset_parameters(self) -> None:
        """Reinitialise all weights."""
        reset_parameters(self.convs)
        self.linear.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """Return vectors, ``[n, hidden_channels]``."""
        if x.dim() != 4 or x.size(1) != self.in_channels:
            raise ValueError(f"x must have shape [n, {self.in_channels}, height, width], got {list(x.shape)}")
        for conv in self.convs:
            x = F.max_pool2d(conv(x).relu_(), kernel_size=2, ceil_mode=True)
        out: Tensor = self.dropout(self.linear(F.adaptive_avg_pool2d(x, 4).flatten(1)).relu())
        return out


def make_encoder(
    name: str, in_channels: int | None, hidden_channels: int, num_layers: int, dropout: float, norm: InstanceNorm
) -> nn.Module:
    """Create an encoder by name."""
    choice("encoder", name, get_args(Encoder))
    if name == "gine":
        gine = GINE(1, hidden_channels=hidden_channels, num_layers=num_layers, dropout=dropout)
        gine.head = nn.Identity()  # type: ignore[assignment]  # the classifier has its own
        return gine
    if in_channels is None:
        raise ValueError(f"in_channels must be given for encoder={name!r}")
    in_channels = integer("in_channels", in_channels)
    if name == "cnn":
        return ImageEncoder(in_channels, hidden_channels, num_layers, dropout)
    return FeatureEncoder(in_channels, hidden_channels, num_layers, dropout, norm)
