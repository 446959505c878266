"""Dropout with cheap masks on the CPU."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Dropout(nn.Module):
    """Dropout; on the CPU a mask costs a byte of randomness per element instead of a Bernoulli draw.

    There the rate is rounded to a multiple of 1/256, and the rounded rate also gives the scale, so that the
    expectation is exact. On other devices and under `torch.compile` this is `torch.nn.functional.dropout`.

    Args:
        p: Probability that an element becomes zero, in [0, 1).

    Raises:
        ValueError: If `p` is out of range.

    Example:
        >>> out = Dropout(0.5)(torch.ones(1000))
        >>> sorted(set(out.tolist()))
        [0.0, 2.0]
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout must be in [0, 1), got {p}")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Drop elements of `x`, of any shape, in training mode."""
        if not self.training or self.p == 0:
            return x
        if x.device.type != "cpu" or torch.compiler.is_compiling():
            return F.dropout(x, self.p)
        keep = max(round(256 * (1 - self.p)), 1)
        # 64 random bits at a time: eight elements for one draw.
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
        bits = words.view(torch.uint8)[: x.numel()].view(x.shape)
        # Compared as numbers of x's type, which all hold 0 to 256: a sixth of the time of bytes made masks of x's type.
        return x * bits.to(x.dtype).lt_(keep).mul_(256 / keep)

    def extra_repr(self) -> str:
        """Show the rate."""
        return f"p={self.p}"
