"""A small network that predicts the temperature of a contrastive loss for each item (TempNet)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from xgraph.checks import LARGE, SMALL, integer, number


class TemperatureHead(nn.Module):
    r"""Predicts a temperature for each item from its vector (TempNet).

    .. math:: τ(h) = τ_0 + (τ_{max} - τ_0)\, σ(\mathrm{MLP}(\mathrm{sg}(h)))

    sg stops the gradient: the loss trains this network through τ, and the encoder only through the similarities. Pass
    the result to :class:`xgraph.losses.SogCLRLoss` or :class:`xgraph.losses.TwoTowerLoss` with ``learn="predicted"``,
    and give the parameters of the head to the optimiser as well.

    `Qiu et al., ICML 2024 <https://arxiv.org/abs/2404.04575>`__; equation (6.50).

    Args:
        in_channels: Length P of the vectors.
        low: Lower bound τ₀.
        high: Upper bound τ_max.
        hidden_channels: Width of the hidden layer.
        start: Temperature of all items before training; ``None`` for the geometric mean of the bounds.

    Raises:
        ValueError: If an argument is out of range.
        TypeError: If an argument has the wrong type.

    Example:
        >>> head = TemperatureHead(in_channels=4, low=0.05, high=0.7, start=0.1)
        >>> head(torch.eye(2, 4))
        tensor([0.1000, 0.1000], grad_fn=<AddBackward0>)
    """

    def __init__(
        self,
        in_channels: int,
        low: float = 0.05,
        high: float = 0.7,
        *,
        hidden_channels: int = 64,
        start: float | None = None,
    ) -> None:
        super().__init__()
        self.in_channels = integer("in_channels", in_channels)
        self.low = number("low", low, SMALL, LARGE)
        self.high = number("high", high, self.low, LARGE, "(]")
        middle = math.sqrt(self.low * self.high)
        self.start = middle if start is None else number("start", start, self.low, self.high, "()")
        width = integer("hidden_channels", hidden_channels)
        self.hidden, self.out = nn.Linear(self.in_channels, width), nn.Linear(width, 1)
        self._begin()

    def reset_parameters(self) -> None:
        """Draw new weights; all temperatures are ``start`` again."""
        self.hidden.reset_parameters()
        self._begin()

    def forward(self, h: Tensor) -> Tensor:
        """Return the temperatures.

        Args:
            h: ``[B, P]`` vectors; no gradient flows back to them.

        Returns:
            ``[B]``, each between the bounds, in float32 or wider.

        Raises:
            ValueError: If the shape is wrong.
        """
        if h.dim() != 2 or h.size(1) != self.in_channels:
            raise ValueError(f"h must have the shape [B, {self.in_channels}], got {list(h.shape)}")
        wide = torch.promote_types(h.dtype, torch.float32)
        share: Tensor = self.out(self.hidden(h.detach()).relu()).squeeze(1).to(wide).sigmoid()
        return self.low + (self.high - self.low) * share

    def extra_repr(self) -> str:
        """Describe the bounds."""
        return f"low={self.low:g}, high={self.high:g}"

    def _begin(self) -> None:
        share = (self.start - self.low) / (self.high - self.low)
        nn.init.zeros_(self.out.weight)
        nn.init.constant_(self.out.bias, math.log(share / (1 - share)))
