"""Whether pairs are reduced one by one, in blocks, or as sums over sorted prefixes."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from xgraph.losses.pairs.anchors import Anchors
from xgraph.losses.pairs.prefixes import Shape
from xgraph.losses.pairs.surrogates import Surrogate

FORCED: Literal["pairs", "sorted"] | None = None
"""Tests force one of the two ways; ``None`` chooses by the number of pairs."""

PAIRS = 1 << 17
"""From this number of pairs on, sorting is faster than one or more blocks of pairs.

On one core it is .6 times as fast at 10,000 pairs, 1 to 1.5 times at 130,000, 3 times at 500,000 and 10 times at
3 million, with 1 to 128 tasks and 2 to 50 % positives. The number of scores matters little.
"""

REACH = 2.0**14
"""Scores further than this many margins from their centre are compared pair by pair.

Positions are then exact to 2⁻³⁸ of a margin in float64; sums are checked one by one, see `Prefixes.exact`.
"""

TOLERANCE = {torch.float32: 2.0**-22, torch.float64: 2.0**-30}
"""Largest relative error of a sum over pairs, by the type of the scores."""

DEVICES = ("cpu", "cuda")  # others may have no float64


def by_sorting(anchors: Anchors, scores: Tensor, surrogate: Surrogate) -> Shape | None:
    """Return the surrogate as a polynomial if its pairs are to be reduced by sorting, otherwise ``None``."""
    shape = Shape.of(surrogate)
    if shape is None or scores.device.type not in DEVICES or FORCED == "pairs":
        return None
    many = len(anchors.item) * len(scores) >= PAIRS
    return shape if many or FORCED == "sorted" else None
