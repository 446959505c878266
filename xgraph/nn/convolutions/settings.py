"""Reads and checks the settings of a convolution."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def float_type(conv: Any) -> torch.dtype:
    """Return the type for edge weights: the type of the parameters, but at least float32."""
    first = next((p.dtype for p in conv.parameters() if p.is_floating_point()), torch.float32)
    return torch.promote_types(first, torch.float32)


def aggregation(conv: Any, possible: tuple[str, ...]) -> str:
    """Return the name of a convolution's aggregation; ValueError if it is not one of `possible`."""
    module = getattr(conv, "aggr_module", None)
    name = str(conv.aggr) if module is None else type(module).__name__.removesuffix("Aggregation").lower()
    name = "sum" if name == "add" else name
    if name not in possible:
        raise ValueError(
            f"{type(conv).__name__} with feature momentum needs aggr={' or '.join(map(repr, possible))}, got {name!r}"
        )
    return name


def no_edge_weight(conv: Any, edge_weight: Tensor | None) -> None:
    """Raise an error if weights are given to a convolution that does not support them."""
    if edge_weight is not None:
        raise ValueError(
            f"{type(conv).__name__} does not support edge_weight; GCNConv(normalize=False) and GraphConv do"
        )
