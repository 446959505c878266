"""Encoders pretrained on several data sets, by labels or by contrast."""

from xgraph.training.pretraining.pretrain import pretrain
from xgraph.training.pretraining.settings import PretrainConfig

__all__ = ["PretrainConfig", "pretrain"]
