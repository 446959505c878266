"""Runs over several folds of a data set: the choice of folds, and the summary over them."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xgraph.options import OptionError
from xgraph.training.config.build import TrainConfig

if TYPE_CHECKING:
    from xgraph.data import Card


def chosen_folds(config: TrainConfig, given: Any = None) -> list[int]:
    """Return the folds that a run over several folds trains on.

    Args:
        config: The settings of the run.
        given: The data, if they are an object rather than a file or a data set by name.
    """
    known = _known_folds(config, given)
    what = config.fold if isinstance(config.fold, str) else ",".join(map(str, config.fold or []))
    if not known:
        raise ValueError(f"fold = {what}: {_without_folds(config)}")
    chosen = config.fold if isinstance(config.fold, list) else known
    wrong = [fold for fold in chosen if fold not in known]
    if wrong:
        consecutive = known[-1] - known[0] == len(known) - 1
        have = f"{known[0]} to {known[-1]}" if consecutive else ", ".join(map(str, known))
        raise OptionError(f"fold = {what}: {config.dataset!r} has folds {have}, got {wrong[0]}")
    return chosen


def _known_folds(config: TrainConfig, given: Any = None) -> list[int]:
    """Return the numbers of the folds that the data set has, or that are drawn from it."""
    card = _card(config)
    if card is not None and config.folds is None:
        return list(range(card.folds)) if (config.split or card.splits[0]) == "given" else []
    if config.folds is not None:
        return list(range(config.folds))
    in_folder = given is None and config.kind == "bag" and config.split is None and Path(config.dataset).is_dir()
    if config.split_column is None and not in_folder:
        return []
    from xgraph.data.bags.roles import find_column
    from xgraph.data.objects import is_frame
    from xgraph.data.splits.words import read_marks
    from xgraph.data.tables.frame import FrameTable
    from xgraph.data.tables.read import read_columns

    if given is not None and not is_frame(given):
        return []
    table = _table(config) if given is None else FrameTable(given)
    if table is None:
        return []
    columns = read_columns(table, separator=config.separator, encoding=config.encoding, keep_errors=True)
    column = config.split_column or find_column(list(columns), ["split"])  # a folder's table of labels may have it
    return [] if column is None or column not in columns else read_marks(columns[column], column).folds


def _table(config: TrainConfig) -> Path | None:
    """Return the table with the split column: the data set, or the table of labels of a folder of bags."""
    path = Path(config.dataset).expanduser()
    if not path.is_dir():
        return path
    if config.kind != "bag":
        return None
    from xgraph.data.bags.folder.files import labels_table

    return labels_table(path) if config.labels is None else Path(config.labels).expanduser()


def _without_folds(config: TrainConfig) -> str:
    card = _card(config)
    if card is not None:
        way = f" with split {config.split or card.splits[0]!r}" if card.folds else ""
        return f"data set {config.dataset!r}{way} has no folds; leave out --fold"
    if config.split_column is not None:
        return f"column {config.split_column!r} of {config.dataset!r} has no fold numbers; leave out --fold"
    return (
        f"{config.dataset!r} has no folds; give their number (--folds 5) or a column of fold numbers (--split-column), "
        "or leave out --fold"
    )


def _card(config: TrainConfig) -> "Card | None":
    from xgraph.data import list_cards

    return {card.name: card for card in list_cards()}.get(config.dataset)


def summarize_folds(folds: list[dict[str, Any]], key: str = "folds") -> dict[str, Any]:
    """Return the mean and sample standard deviation of each metric over the folds, or over other members of a run.

    Args:
        folds: The metrics of the members.
        key: What the members are, under which the result holds their metrics.
    """
    summary: dict[str, Any] = {}
    for split in (name for name in ("test", "valid") if name in folds[0]):
        mean, std = {}, {}
        for name in (name for name in folds[0][split] if name not in ("mean", "std")):  # of members with members
            values = [fold[split].get(name) for fold in folds]
            known = [value for value in values if value is not None and not math.isnan(value)]
            mean[name] = float(np.mean(known)) if known else math.nan
            std[name] = float(np.std(known, ddof=1)) if len(known) > 1 else math.nan
        summary[split] = {**mean, "mean": mean, "std": std}
    tasks: dict[str, Any] = {name: folds[0][name] for name in ("tasks", "classes") if name in folds[0]}
    return {**summary, **tasks, key: folds}


def single_runs(metrics: Mapping[str, Any]) -> list[Any]:
    """Return the metrics of the single runs that a run consists of, over its folds and seeds."""
    members = metrics.get("folds") or metrics.get("seeds")
    return [run for member in members for run in single_runs(member)] if isinstance(members, list) else [metrics]
