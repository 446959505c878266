"""How a convolution is set, read and checked."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def float_type(conv: Any) -> torch.dtype:
    """In what numbers to compute weights: those of the parameters, float32 at least."""
    first = next((p.dtype for p in conv.parameters() if p.is_floating_point()), torch.float32)
    return torch.promote_types(first, torch.float32)


def aggregation(conv: Any, possible: tuple[str, ...]) -> str:
    """What a convolution aggregates by."""
    module = getattr(conv, "aggr_module", None)
    name = str(conv.aggr) if module is None else type(module).__name__.removesuffix("Aggregation").lower()
    name = "sum" if name == "add" else name
    if name not in possible:
        raise ValueError(
            f"{type(conv).__name__} aggregates by {name}, whose value over sampled neighbours is not that over all in "
            f"expectation: possible with feature momentum is aggr={' or '.join(map(repr, possible))}"
        )
    return name


def no_edge_weight(conv: Any, edge_weight: Tensor | None) -> None:
    """Raise an error if there are weights that a convolution does not take."""
    if edge_weight is not None:
        raise ValueError(f"{type(conv).__name__} takes no edge_weight; GCNConv(normalize=False) and GraphConv do")
