"""Layers and models: a model maps a PyG batch of graphs, nodes or bags to logits ``[B, num_tasks]``."""

from typing import TYPE_CHECKING, Any

from xgraph.nn.bags.classifier import BagClassifier, BagPrediction
from xgraph.nn.bags.models import AttentionModel, BagModel, GatedAttentionModel, MaxModel, MeanModel, SmoothedMaxModel
from xgraph.nn.convolutions.feature_momentum import FeatureMomentum
from xgraph.nn.convolutions.table_options import TableOptions
from xgraph.nn.layers.dropout import Dropout
from xgraph.nn.layers.feature_scale import FeatureScale
from xgraph.nn.layers.head import Head
from xgraph.nn.layers.norm import BatchNorm
from xgraph.nn.layers.protocol import Model
from xgraph.nn.layers.target_scale import TargetScale, target_statistics
from xgraph.nn.layers.temperature_head import TemperatureHead
from xgraph.nn.layers.text_tower import TextTower
from xgraph.nn.molecules.d_mpnn import DMPNN
from xgraph.nn.molecules.deeper_gcn import DeeperGCN
from xgraph.nn.molecules.ecc import ECC, ECCConv
from xgraph.nn.molecules.edge_network import EdgeNetwork, EdgesByKind, edges_by_kind
from xgraph.nn.molecules.encoders import ATOM_FEATURE_SIZES, BOND_FEATURE_SIZES, CategoricalEmbedding, MultiHot
from xgraph.nn.molecules.gen_conv import GENConv
from xgraph.nn.molecules.gine import GINE, GINEConv
from xgraph.nn.molecules.ml_mpnn import MLMPNN
from xgraph.nn.molecules.model import MoleculeModel
from xgraph.nn.molecules.molecule_gcn import MoleculeGCN
from xgraph.nn.molecules.molecule_gcn_conv import MoleculeGCNConv
from xgraph.nn.molecules.mpnn import MPNN
from xgraph.nn.molecules.readout import readout
from xgraph.nn.molecules.stack import ConvolutionStack
from xgraph.nn.molecules.virtual_node import VirtualNode
from xgraph.nn.nodes.gat import GAT, GATFM
from xgraph.nn.nodes.gcn import GCN, GCNFM
from xgraph.nn.nodes.graphfm_ob import GraphFMOB
from xgraph.nn.nodes.in_edges import InEdges
from xgraph.nn.nodes.input_aggregate import input_aggregate
from xgraph.nn.nodes.layerwise import layerwise
from xgraph.nn.nodes.model import NodeModel
from xgraph.nn.nodes.momentum_model import MomentumModel
from xgraph.nn.nodes.sage import GraphSAGE, GraphSAGEFM
from xgraph.nn.nodes.sage_conv import SAGEConv
from xgraph.nn.nodes.with_feature_momentum import MomentumConv, with_feature_momentum
from xgraph.nn.pairs.base import PairModel
from xgraph.nn.pairs.mf import MatrixFactorization
from xgraph.nn.tables.fitted_model import FittedModel
from xgraph.nn.tables.forest import ExtraTrees, RandomForest
from xgraph.nn.tables.kernel_ridge import KernelRidge
from xgraph.nn.tables.logistic import LogisticRegression
from xgraph.nn.tables.mlp import MLP
from xgraph.nn.tables.support_vectors import SVM

if TYPE_CHECKING:
    from xgraph.nn.bags.pooling import AttentionPooling, BagPooling, MeanPooling, SmoothedMaxPooling
    from xgraph.nn.pairs.lightgcn import LightGCN

MODELS: dict[str, type[Model]] = {
    "gine": GINE,
    "molecule-gcn": MoleculeGCN,
    "mpnn": MPNN,
    "ecc": ECC,
    "ml-mpnn": MLMPNN,
    "d-mpnn": DMPNN,
    "deeper-gcn": DeeperGCN,
    "mlp": MLP,
    "forest": RandomForest,
    "extra-trees": ExtraTrees,
    "svm": SVM,
    "logistic": LogisticRegression,
    "kernel-ridge": KernelRidge,
    "sage": GraphSAGE,
    "sage-fm": GraphSAGEFM,
    "gcn": GCN,
    "gcn-fm": GCNFM,
    "gat": GAT,
    "gat-fm": GATFM,
    "attention": AttentionModel,
    "gated-attention": GatedAttentionModel,
    "smoothed-max": SmoothedMaxModel,
    "mean": MeanModel,
    "max": MaxModel,
}
"""Model classes by their command-line name; a class's ``kind`` says whether it scores graphs, nodes or bags."""

__all__ = [
    "ATOM_FEATURE_SIZES",
    "BOND_FEATURE_SIZES",
    "DMPNN",
    "ECC",
    "GAT",
    "GATFM",
    "GCN",
    "GCNFM",
    "GINE",
    "MLMPNN",
    "MLP",
    "MODELS",
    "MPNN",
    "SVM",
    "AttentionModel",
    "AttentionPooling",
    "BagClassifier",
    "BagModel",
    "BagPooling",
    "BagPrediction",
    "BatchNorm",
    "CategoricalEmbedding",
    "ConvolutionStack",
    "DeeperGCN",
    "Dropout",
    "ECCConv",
    "EdgeNetwork",
    "EdgesByKind",
    "ExtraTrees",
    "FeatureMomentum",
    "FeatureScale",
    "FittedModel",
    "GENConv",
    "GINEConv",
    "GatedAttentionModel",
    "GraphFMOB",
    "GraphSAGE",
    "GraphSAGEFM",
    "Head",
    "InEdges",
    "KernelRidge",
    "LightGCN",
    "LogisticRegression",
    "MatrixFactorization",
    "MaxModel",
    "MeanModel",
    "MeanPooling",
    "Model",
    "MoleculeGCN",
    "MoleculeGCNConv",
    "MoleculeModel",
    "MomentumConv",
    "MomentumModel",
    "MultiHot",
    "NodeModel",
    "PairModel",
    "RandomForest",
    "SAGEConv",
    "SmoothedMaxModel",
    "SmoothedMaxPooling",
    "TableOptions",
    "TargetScale",
    "TemperatureHead",
    "TextTower",
    "VirtualNode",
    "edges_by_kind",
    "input_aggregate",
    "layerwise",
    "readout",
    "target_statistics",
    "with_feature_momentum",
]


def __getattr__(name: str) -> Any:
    """Import what is built on PyG on first use, because that import takes seconds."""
    from importlib import import_module

    if name == "LightGCN":
        return getattr(import_module(f"{__name__}.pairs.lightgcn"), name)
    pooling = import_module(f"{__name__}.bags.pooling")
    if name not in pooling.__all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(pooling, name)
