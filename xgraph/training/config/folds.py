"""Runs over several folds of a data set: the choice of folds, and the summary over them."""

import math
from typing import Any

import numpy as np

from xgraph.options import OptionError
from xgraph.training.config.build import TrainConfig


def chosen_folds(config: TrainConfig) -> list[int]:
    """Return the folds that a run over several folds trains on."""
    from xgraph.data import list_cards

    card = {card.name: card for card in list_cards()}.get(config.dataset)
    split = config.split or (card.splits[0] if card else None)
    folds = card.folds if card and split == "given" else 0
    what = config.fold if isinstance(config.fold, str) else ",".join(map(str, config.fold or []))
    if folds == 0:
        way = f" with split {split!r}" if card and card.folds else ""
        raise ValueError(f"fold = {what}: data set {config.dataset!r}{way} has no folds; leave out --fold")
    chosen = config.fold if isinstance(config.fold, list) else list(range(folds))
    wrong = [fold for fold in chosen if not 0 <= fold < folds]
    if wrong:
        raise OptionError(f"fold = {what}: {config.dataset!r} has folds 0 to {folds - 1}, got {wrong[0]}")
    return chosen


def summarize_folds(folds: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the mean and sample standard deviation of each metric over the folds."""
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
