"""Former location of the poolings, kept for compatibility: they now live in ``xgraph.nn.bags.pooling``."""

from xgraph.nn.bags.pooling import AttentionPooling, BagPooling, MeanPooling, SmoothedMaxPooling

__all__ = ["AttentionPooling", "BagPooling", "MeanPooling", "SmoothedMaxPooling"]
