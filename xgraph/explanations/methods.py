"""Which methods explain which models, and the choice among them."""

import importlib.util
from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import nn

from xgraph.explanations.names import ATTENTION, GRADIENTS, LEAVE_OUT, METHODS, PERMUTATION, SHAP, SLOPE
from xgraph.nn import FittedModel
from xgraph.nn.molecules.model import MoleculeModel
from xgraph.nn.tables.rank_mean import RankMean
from xgraph.options import OptionError
from xgraph.training.files.checkpoint import HEADER
from xgraph.training.files.saved_model import load_model
from xgraph.training.prediction.members import Members


class Chosen(NamedTuple):
    """The models of an ensemble, and how they are explained.

    Args:
        models: The models.
        networks: The models to explain: of a mean of ranks the network, otherwise the model itself.
        method: Name of the method.
        note: What else there is to say.
    """

    models: list[Any]
    networks: list[Any]
    method: str
    note: str


def models_of(members: Members, kind: str, method: str | None) -> Chosen:
    """Return the models of some runs, and the method that explains them.

    Args:
        members: The runs.
        kind: What they score: "graph", "node" or "bag".
        method: The method that was asked for; None for the usual one.
    """
    models = [load_model(state) for state in members.states]
    networks = [network_of(model) for model in models]
    names = [state[HEADER]["model"] for state in members.states]
    chosen = choose(list(zip(names, networks, strict=True)), kind, method)
    ranks = any(model is not own for model, own in zip(models, networks, strict=True))
    note = "the run scores by the mean of the ranks of a network and its baseline; the network is explained"
    return Chosen(models, networks, chosen, note if ranks else "")


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
