"""The poolings under their earlier address; they live in `xgraph.nn.bags.pooling`."""

from xgraph.nn.bags.pooling import AttentionPooling, BagPooling, MeanPooling, SmoothedMaxPooling

__all__ = ["AttentionPooling", "BagPooling", "MeanPooling", "SmoothedMaxPooling"]
