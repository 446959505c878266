"""Surrogates of the rank: ℓ(0) = 1, so that a sum of them is at least the rank."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from xgraph.losses.pairs.surrogates import Surrogate, as_surrogate

FACTORS = {"logistic": 1 / math.log(2), "sigmoid": 2.0}
"""What makes ℓ(0) = 1. The hinges have it with a margin of 1."""


@dataclass(frozen=True)
class Scaled:
    """A surrogate times a factor."""

    inner: Surrogate
    factor: float

    def __call__(self, difference: Tensor) -> Tensor:
        return self.inner(difference) * self.factor

    def slope(self, difference: Tensor) -> Tensor:
        """The derivative, times the factor."""
        return self.inner.slope(difference) * self.factor


def rank_surrogate(surrogate: str | Surrogate, margin: float) -> Surrogate:
    """Return the surrogate of a name, scaled so that ℓ(0) = 1 where it has no margin; return an object unchanged."""
    found = as_surrogate(surrogate, margin)
    factor = FACTORS.get(surrogate) if isinstance(surrogate, str) else None
    return found if factor is None else Scaled(found, factor)
