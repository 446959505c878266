"""Pooling of bags: PyG aggregations with an optional state per bag."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xgraph.nn.bags.pooling.attention import AttentionPooling
    from xgraph.nn.bags.pooling.base import BagPooling
    from xgraph.nn.bags.pooling.mean import MeanPooling
    from xgraph.nn.bags.pooling.smoothed_max import SmoothedMaxPooling

__all__ = ["AttentionPooling", "BagPooling", "MeanPooling", "SmoothedMaxPooling"]

_LAZY = {
    "AttentionPooling": "attention",
    "BagPooling": "base",
    "MeanPooling": "mean",
    "SmoothedMaxPooling": "smoothed_max",
}


def __getattr__(name: str) -> Any:
    """Import the poolings on first use: they are built on PyG, which takes seconds to import."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
