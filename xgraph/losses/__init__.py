"""Losses: modules that map ``(logits, target, index)`` to a scalar and keep their own state.

The state of a loss (running averages, thresholds, multipliers) consists of module buffers, so it is part of the
``state_dict``; there are no parameters to optimise. Equation and algorithm numbers in the docstrings, such as (6.22),
refer to the chapter "Applications: Learning Predictive, Generative and Representation Models" of a textbook on
compositional optimisation.
"""

from xgraph.losses.base import Loss
from xgraph.losses.classes.scent import ScentLoss
from xgraph.losses.constraints.penalty import Penalty
from xgraph.losses.constraints.roc_fairness import ROCFairness
from xgraph.losses.constraints.trust_region import KLTrustRegion
from xgraph.losses.constraints.zero_forgetting import ZeroForgetting
from xgraph.losses.contrastive.sogclr import SogCLRLoss
from xgraph.losses.contrastive.two_tower import TwoTowerLoss
from xgraph.losses.generative.dft import DFTLoss
from xgraph.losses.pairs.auc_margin import AUCMarginLoss
from xgraph.losses.pairs.auc_pairwise import PairwiseAUCLoss
from xgraph.losses.pairs.soap import SOAPLoss
from xgraph.losses.pairs.sopa import SOPALoss
from xgraph.losses.pairs.sopa_s import SOPAsLoss
from xgraph.losses.pairs.sota_s import SOTAsLoss
from xgraph.losses.pairs.staco import STACOLoss
from xgraph.losses.pairs.surrogates import Hinge, Logistic, Sigmoid, Squared, SquaredHinge, Surrogate
from xgraph.losses.pointwise.bce import BCELoss
from xgraph.losses.pointwise.cross_entropy import CrossEntropyLoss
from xgraph.losses.pointwise.errors import AbsoluteError, HuberError, SquaredError
from xgraph.losses.pointwise.focal import FocalLoss
from xgraph.losses.pointwise.huber import HuberLoss
from xgraph.losses.pointwise.mae import MAELoss
from xgraph.losses.pointwise.mse import MSELoss
from xgraph.losses.pointwise.weighted_bce import WeightedBCELoss
from xgraph.losses.ranking.listwise import ListwiseCELoss
from xgraph.losses.ranking.ndcg import NDCGLoss
from xgraph.losses.ranking.recall import RecallLoss
from xgraph.losses.robust.cvar_dro import CVaRDROLoss
from xgraph.losses.robust.group_dro import GroupDROLoss
from xgraph.losses.robust.kl_dro import KLDROLoss

LOSSES: dict[str, type[Loss]] = {
    "bce": BCELoss,
    "focal": FocalLoss,
    "soap": SOAPLoss,
    "sopa": SOPALoss,
    "sopa-s": SOPAsLoss,
    "sota-s": SOTAsLoss,
    "staco": STACOLoss,
    "auc-margin": AUCMarginLoss,
    "auc-pairwise": PairwiseAUCLoss,
    "kl-dro": KLDROLoss,
    "group-dro": GroupDROLoss,
    "cvar-dro": CVaRDROLoss,
    "ce": CrossEntropyLoss,
    "scent": ScentLoss,
    "mse": MSELoss,
    "mae": MAELoss,
    "huber": HuberLoss,
    "ndcg": NDCGLoss,
    "listwise": ListwiseCELoss,
    "recall": RecallLoss,
}
"""The losses by their names on the command line."""

__all__ = [
    "LOSSES",
    "AUCMarginLoss",
    "AbsoluteError",
    "BCELoss",
    "CVaRDROLoss",
    "CrossEntropyLoss",
    "DFTLoss",
    "FocalLoss",
    "GroupDROLoss",
    "Hinge",
    "HuberError",
    "HuberLoss",
    "KLDROLoss",
    "KLTrustRegion",
    "ListwiseCELoss",
    "Logistic",
    "Loss",
    "MAELoss",
    "MSELoss",
    "NDCGLoss",
    "PairwiseAUCLoss",
    "Penalty",
    "ROCFairness",
    "RecallLoss",
    "SOAPLoss",
    "SOPALoss",
    "SOPAsLoss",
    "SOTAsLoss",
    "STACOLoss",
    "ScentLoss",
    "Sigmoid",
    "SogCLRLoss",
    "Squared",
    "SquaredError",
    "SquaredHinge",
    "Surrogate",
    "TwoTowerLoss",
    "WeightedBCELoss",
    "ZeroForgetting",
]
