"""Objectives on scores. Every loss maps ``(logits, target, index)`` to a scalar and carries its own state."""

from xgraph.losses.base import Loss
from xgraph.losses.bce import BCELoss
from xgraph.losses.focal import FocalLoss
from xgraph.losses.soap import SOAPLoss
from xgraph.losses.surrogates import Hinge, Logistic, Sigmoid, Squared, SquaredHinge, Surrogate

LOSSES: dict[str, type[Loss]] = {"bce": BCELoss, "focal": FocalLoss, "soap": SOAPLoss}
"""The losses by the name they have on the command line."""

__all__ = [
    "LOSSES",
    "BCELoss",
    "FocalLoss",
    "Hinge",
    "Logistic",
    "Loss",
    "SOAPLoss",
    "Sigmoid",
    "Squared",
    "SquaredHinge",
    "Surrogate",
]
