"""Which methods explain which models, and the choice among them."""

import importlib.util
from collections.abc import Sequence
from typing import Any

from torch import nn

from xgraph.nn import FittedModel
from xgraph.nn.molecules.model import MoleculeModel
from xgraph.nn.tables.rank_mean import RankMean
from xgraph.options import OptionError

GRADIENTS, SLOPE, LEAVE_OUT = "integrated-gradients", "gradient-input", "leave-one-out"
SHAP, PERMUTATION, ATTENTION = "shap", "permutation", "attention-value"
METHODS = (GRADIENTS, SLOPE, LEAVE_OUT, SHAP, PERMUTATION, ATTENTION)
"""Names of all methods."""


def fitting(model: nn.Module, kind: str) -> list[str]:
    """Return the methods that explain a model, the usual one first.

    Args:
        model: The model.
        kind: What it scores: "graph", "node" or "bag".
    """
    if kind == "node":
        return [GRADIENTS, SLOPE]
    if kind == "bag":
        return [ATTENTION, LEAVE_OUT] if getattr(model, "attends", False) else [LEAVE_OUT]
    if isinstance(model, MoleculeModel):
        return [GRADIENTS, SLOPE, LEAVE_OUT]
    if isinstance(model, FittedModel) and getattr(model, "trees", None) is not None:
        return [SHAP, LEAVE_OUT, PERMUTATION] if has_shap() else [LEAVE_OUT, PERMUTATION]
    if getattr(model, "reads_graphs", True):
        return [LEAVE_OUT]
    return [GRADIENTS, SLOPE, LEAVE_OUT, PERMUTATION]


def choose(models: Sequence[tuple[str, nn.Module]], kind: str, method: str | None) -> str:
    """Return the method that explains all of some models.

    Args:
        models: Names and models of the members of an ensemble.
        kind: What they score.
        method: The method that was asked for; None for the usual one.

    Raises:
        OptionError: If the method does not exist or does not fit.
    """
    if method is not None and method not in METHODS:
        raise OptionError(f"method = {method!r}: expected one of {', '.join(METHODS)}")
    each = [fitting(model, kind) for _, model in models]
    common = [name for name in each[0] if all(name in other for other in each)]
    names = ", ".join(dict.fromkeys(name for name, _ in models))
    if not common:
        raise OptionError(f"run: no method explains all of the models {names}; explain the runs one by one")
    if method is None:
        return common[0]
    if method not in common:
        hint = "; install xgraph-pyg[explain]" if method == SHAP and _of_trees(models) and not has_shap() else ""
        raise OptionError(f"method = {method!r}: it does not fit the model {names}; expected {_or(common)}{hint}")
    return method


def network_of(model: Any) -> nn.Module:
    """Return the model to explain: of a mean of ranks, the network, which is its first member."""
    network: nn.Module = model.members[0] if isinstance(model, RankMean) else model
    return network


def has_shap() -> bool:
    """Whether the package shap is installed."""
    return importlib.util.find_spec("shap") is not None


def _of_trees(models: Sequence[tuple[str, nn.Module]]) -> bool:
    return all(hasattr(model, "trees") for _, model in models)


def _or(names: Sequence[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
