"""Checks of the parts of a data set before training."""

import warnings
from typing import TYPE_CHECKING

import numpy as np

from xgraph.messages import listed
from xgraph.metric_names import LIST_METRICS
from xgraph.options import OptionError
from xgraph.training.config.build import TrainConfig
from xgraph.training.config.parts import PARTS
from xgraph.training.fit.labels.numbers import check_numbers

if TYPE_CHECKING:
    from xgraph.training.sources import Source

_LISTED = 10  # tasks named in a warning
_NAMES = {"train": "training", "valid": "validation", "test": "test"}


def check_data(source: "Source") -> None:
    """Raise `ValueError` if the data cannot be trained on, and warn if some tasks cannot be learned or scored."""
    own = _is_own(source.config)
    _check_presence(source, own)
    if source.numbers:
        check_numbers(source, _NAMES)
        return
    if source.config.metric in LIST_METRICS and source.num_tasks == 1:
        raise OptionError(
            f"metric = {source.config.metric!r}: the metrics of ranked lists are for several label columns, and "
            f"{source.name!r} has one; choose one such as ap, precision@10 or bedroc"
        )
    both = {name: _both_classes(source, name) for name in ("train", *source.scored)}
    if not both["train"].any():
        y = source.targets(source.splits["train"])
        raise ValueError(
            f"dataset: no task of {source.name!r} has both labels, 0 and 1, in the training part, which has "
            f"{int((y == 1).sum())} positive and {int((y == 0).sum())} negative labels among {len(y)} {source.noun}"
            + (f"{_all_counts(source)}; {_remedies(source)}" if own else "")
        )
    if own and _selects(source.config) and not both["valid"].any():
        raise ValueError(
            f"dataset: no task of {source.name!r} has both labels, 0 and 1, in the validation part, so the best epoch "
            f"cannot be selected{_all_counts(source)}; {_remedies(source)}; or keep the last epoch (--keep last)"
        )
    several = source.several_classes
    what = "classes without items" if several else "tasks with labels of one class only"
    for name, fine in both.items():
        if not fine.all() and (name == "train" or (own and fine.any())):
            lacking = listed([source.task_names[t] for t in np.flatnonzero(~fine)], _LISTED)
            effect = "cannot be learned" if name == "train" else "have no metrics there"
            warnings.warn(f"{what} in the {_NAMES[name]} part {effect}: {lacking}", stacklevel=3)


def _check_presence(source: "Source", own: bool) -> None:
    """Refuse missing and empty parts, but for those of one's own that the run can do without."""
    config, parts = source.config, source.data.splits
    lacking = [name for name in PARTS if name not in parts or (own and not len(parts[name]))]
    if own and "train" not in lacking:
        if "valid" in lacking and not _selects(config):
            lacking.remove("valid")
        if "valid" in lacking:
            raise ValueError(
                f"dataset: {source.name!r} has no validation part, by which the best epoch is selected; name one "
                "(--valid FILE, or the word valid in the split column), draw it from the training part "
                "(--valid-fraction 0.1), or keep the last epoch (--keep last)"
            )
        if "test" in lacking and source.scored:
            lacking.remove("test")
    if lacking:
        known = ", ".join(name for name in parts if name not in lacking) or "none"
        advice = _remedies(source) if own else "choose another --split"
        raise ValueError(f"dataset: {source.name!r} has no {lacking[0]!r} part (it has: {known}); {advice}")
    if not len(source.splits["train"]):
        molecules = source.kind == "graph"
        advice = "; if nearly all molecules share one scaffold, use --split random" if molecules else ""
        raise ValueError(f"dataset: the training part of {source.name!r} is empty{advice}")


def _selects(config: TrainConfig) -> bool:
    """Whether a validation part selects the epoch."""
    return config.keep == "best" and config.train_on == "train" and not config.fitted


def _both_classes(source: "Source", part: str) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Whether each task has both labels in a part."""
    y = source.targets(source.splits[part]).numpy()
    both: np.ndarray[tuple[int], np.dtype[np.bool_]] = (y == 1).any(axis=0) & (y == 0).any(axis=0)
    return both


def _all_counts(source: "Source") -> str:
    """Return the positives of each part, of the first task."""
    counts = []
    for name in PARTS:
        if name in source.splits:
            y = source.targets(source.splits[name])[:, 0]
            counts.append(f"{int((y == 1).sum())} of {int((~y.isnan()).sum())} in {name}")
    return f" (positives of {source.task_names[0]!r}: {', '.join(counts)})"


def _remedies(source: "Source") -> str:
    """Say how else the data can be split."""
    config = source.config
    if config.split_column is not None:
        return f"change the parts in column {config.split_column!r}"
    if given := config.split_file or config.test or config.valid:
        return f"change the parts in {given}"
    if config.folds is not None:
        return "draw other folds (--split random, --stratified, or fewer --folds)"
    ways = {"graph": "--split scaffold-balanced, cluster or random", "bag": "--split random and another --seed"}
    other = f"split it in another way ({ways[source.kind]}), " if source.kind in ways else ""
    return f"{other}say which rows are in which part (--split-column, --valid and --test), or draw folds (--folds 5)"


def _is_own(config: TrainConfig) -> bool:
    from xgraph.data.cards.named import names

    return config.dataset not in names()
