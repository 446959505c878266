"""Runs over all folds of a data set: how many there are, and what they give together."""

import math
from typing import Any

import numpy as np

from xgraph.training.config import TrainConfig


def number_of_folds(config: TrainConfig) -> int:
    """How many folds the data set of a run has.

    Args:
        config: Settings.

    Raises:
        ValueError: If it has none.
    """
    from xgraph.data import list_cards, load_card

    named = config.dataset in {card.name for card in list_cards()}
    folds = load_card(config.dataset).folds if named else 0
    if folds == 0 or config.split not in (None, "given"):
        raise ValueError(f"fold: data set {config.dataset!r} has no folds, so 'all' means nothing here")
    return folds


def summarize_folds(folds: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean and sample standard deviation over folds.

    Args:
        folds: What each fold's `metrics.json` holds.

    Returns:
        `{"test": {"ap": mean, ..., "mean": {"ap": ...}, "std": {"ap": ...}}, "valid": the same, "folds": [...]}`.
        Folds without a metric (one class only) do not count for it.

    Example:
        >>> two = [{"test": {"ap": 0.25}, "valid": {"ap": 0.5}}, {"test": {"ap": 0.75}, "valid": {"ap": 0.5}}]
        >>> summarize_folds(two)["test"]["mean"]
        {'ap': 0.5}
    """
    summary: dict[str, Any] = {}
    for split in (name for name in ("test", "valid") if name in folds[0]):
        mean, std = {}, {}
        for name in folds[0][split]:
            values = [fold[split].get(name) for fold in folds]
            known = [value for value in values if value is not None and not math.isnan(value)]
            mean[name] = float(np.mean(known)) if known else math.nan
            std[name] = float(np.std(known, ddof=1)) if len(known) > 1 else math.nan
        summary[split] = {**mean, "mean": mean, "std": std}
    return {**summary, "folds": folds}
