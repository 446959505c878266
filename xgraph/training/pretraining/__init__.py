"""Pretraining of encoders on several data sets, from labels or by contrastive learning."""

from xgraph.training.pretraining.pretrain import pretrain
from xgraph.training.pretraining.settings import PretrainConfig

__all__ = ["PretrainConfig", "pretrain"]
