"""Objectives on scores. Every loss maps ``(logits, target, index)`` to a scalar and carries its own state."""

from xgraph.losses.auc_margin import AUCMarginLoss
from xgraph.losses.auc_pairwise import PairwiseAUCLoss
from xgraph.losses.base import Loss
from xgraph.losses.bce import BCELoss
from xgraph.losses.cross_entropy import CrossEntropyLoss
from xgraph.losses.focal import FocalLoss
from xgraph.losses.group_dro import GroupDROLoss
from xgraph.losses.kl_dro import KLDROLoss
from xgraph.losses.soap import SOAPLoss
from xgraph.losses.sogclr import SogCLRLoss
from xgraph.losses.sopa import SOPALoss
from xgraph.losses.sopa_s import SOPAsLoss
from xgraph.losses.sota_s import SOTAsLoss
from xgraph.losses.staco import STACOLoss
from xgraph.losses.surrogates import Hinge, Logistic, Sigmoid, Squared, SquaredHinge, Surrogate
from xgraph.losses.weighted_bce import WeightedBCELoss

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
    "ce": CrossEntropyLoss,
}
"""The losses by the name they have on the command line."""

__all__ = [
    "LOSSES",
    "AUCMarginLoss",
    "BCELoss",
    "CrossEntropyLoss",
    "FocalLoss",
    "GroupDROLoss",
    "Hinge",
    "KLDROLoss",
    "Logistic",
    "Loss",
    "PairwiseAUCLoss",
    "SOAPLoss",
    "SOPALoss",
    "SOPAsLoss",
    "SOTAsLoss",
    "STACOLoss",
    "Sigmoid",
    "SogCLRLoss",
    "Squared",
    "SquaredHinge",
    "Surrogate",
    "WeightedBCELoss",
]
