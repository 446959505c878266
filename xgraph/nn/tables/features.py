"""Features of items as models of tables read them: from a batch, with checks, and standardised."""

from typing import Any

import torch
from torch import Tensor

from xgraph.nn.layers.feature_scale import FeatureScale

USUAL_FEATURES = ("rdkit", "morgan", "maccs")
"""Names of the features that a run computes for models of tables by default."""

LARGEST = 10.0
"""Standardised features are clamped to ±LARGEST: otherwise a rare bit would outweigh all others."""


def features_of(batch: Any, model: str, num_features: int) -> Tensor:
    """Return the features of a batch, ``[B, F]``, or raise `ValueError` if they are missing or not F."""
    features: Tensor | None = getattr(batch, "features", None)
    if features is None:
        raise ValueError(f"the batch has no features, which {model} needs in place of graphs")
    check_width(features, num_features)
    return features


def check_width(features: Tensor, num_features: int) -> None:
    """Raise `ValueError` if features do not have the shape ``[B, F]``."""
    if features.dim() != 2 or features.size(1) != num_features:
        raise ValueError(f"features must have shape [B, {num_features}], got {list(features.shape)}")


def fit_scale(scale: FeatureScale, x: Tensor) -> None:
    """Set mean and deviation to those of features `x`, ``[n, F]``; constant features get the deviation 1."""
    std, mean = torch.std_mean(x.double(), dim=0, correction=0)
    varies = (x != x[0]).any(dim=0)  # rounding would give a constant feature a tiny deviation
    scale.fit(mean, torch.where(varies & (std > 0), std, 1.0))


def standardised(scale: FeatureScale, x: Tensor) -> Tensor:
    """Return features of mean 0 and deviation 1, clamped to ±LARGEST."""
    scaled: Tensor = scale(x)
    return scaled.clamp(-LARGEST, LARGEST)
