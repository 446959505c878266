"""Layers and models: a model maps a PyG batch of graphs, or of nodes, to logits ``[B, num_tasks]``."""

from torch import nn

from xgraph.nn.dropout import Dropout
from xgraph.nn.encoders import ATOM_FEATURE_SIZES, BOND_FEATURE_SIZES, CategoricalEmbedding, MultiHot
from xgraph.nn.gat import GAT
from xgraph.nn.gcn import GCN
from xgraph.nn.gine import GINE
from xgraph.nn.gine_conv import GINEConv
from xgraph.nn.head import Head
from xgraph.nn.layerwise import InEdges, layerwise
from xgraph.nn.node_model import NodeModel
from xgraph.nn.norm import BatchNorm
from xgraph.nn.readout import readout
from xgraph.nn.sage import GraphSAGE
from xgraph.nn.virtual_node import VirtualNode

MODELS: dict[str, type[nn.Module]] = {"gine": GINE, "sage": GraphSAGE, "gcn": GCN, "gat": GAT}
"""The models by the name they have on the command line; `kind` says what they give logits to."""

__all__ = [
    "ATOM_FEATURE_SIZES",
    "BOND_FEATURE_SIZES",
    "GAT",
    "GCN",
    "GINE",
    "MODELS",
    "BatchNorm",
    "CategoricalEmbedding",
    "Dropout",
    "GINEConv",
    "GraphSAGE",
    "Head",
    "InEdges",
    "MultiHot",
    "NodeModel",
    "VirtualNode",
    "layerwise",
    "readout",
]
