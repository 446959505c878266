"""Layers and models: a model maps a PyG batch to logits ``[B, num_tasks]``."""

from torch import nn

from xgraph.nn.dropout import Dropout
from xgraph.nn.encoders import ATOM_FEATURE_SIZES, BOND_FEATURE_SIZES, CategoricalEmbedding, MultiHot
from xgraph.nn.gine import GINE
from xgraph.nn.gine_conv import GINEConv
from xgraph.nn.head import Head
from xgraph.nn.norm import BatchNorm
from xgraph.nn.readout import readout
from xgraph.nn.virtual_node import VirtualNode

MODELS: dict[str, type[nn.Module]] = {"gine": GINE}

__all__ = [
    "ATOM_FEATURE_SIZES",
    "BOND_FEATURE_SIZES",
    "GINE",
    "MODELS",
    "BatchNorm",
    "CategoricalEmbedding",
    "Dropout",
    "GINEConv",
    "Head",
    "MultiHot",
    "VirtualNode",
    "readout",
]
