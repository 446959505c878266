"""Ensembles: combining the scores of several runs, and checking that the runs belong together."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from xgraph.messages import listed
from xgraph.options import OptionError
from xgraph.training.files.checkpoint import HEADER
from xgraph.training.files.rundir import CONFIG, METRICS, fold_folders

Combine = Literal["mean", "rank"]
Scores = npt.NDArray[np.float64]
_NOUNS = {"graph": "molecules", "node": "nodes", "bag": "bags"}


class Ensemble:
    """Running mean and standard deviation of the scores of several members, added one by one for the same rows."""

    def __init__(self, combine: str = "mean", *, several_classes: bool = False) -> None:
        if combine not in get_args(Combine):
            raise OptionError(f"combine = {combine!r}: expected {' or '.join(get_args(Combine))}")
        if combine == "rank" and several_classes:
            raise OptionError("combine = 'rank': expected 'mean' for mutually exclusive classes")
        self.combine, self.members = combine, 0
        self._sum: Scores = np.zeros((0, 0))
        self._mean: Scores = np.zeros(())
        self._squares: Scores = np.zeros(())

    def add(self, scores: Scores) -> None:
        """Add the scores of one member, [n, T]."""
        new = _ranks(scores) if self.combine == "rank" else scores
        self.members += 1
        self._sum = self._sum + new if self.members > 1 else new
        away = new - self._mean
        self._mean = self._mean + away / self.members  # Welford's algorithm: members are not kept
        self._squares = self._squares + away * (new - self._mean)

    @property
    def score(self) -> Scores:
        """Mean over the members, [n, T]."""
        # Sums of ranks are exact, so ties remain ties.
        mean = self._sum / max(self.members, 1)
        return _scaled(mean) if self.combine == "rank" else mean

    @property
    def std(self) -> Scores | None:
        """Sample standard deviation over the members, [n, T]; None for a single member."""
        if self.members < 2:
            return None
        std: Scores = np.sqrt(self._squares / (self.members - 1))
        return std / max(len(std) - 1, 1) if self.combine == "rank" else std


def scaled_ranks(scores: Scores) -> Scores:
    """Return the rank of each score in its column, scaled from 0 for the lowest to 1 for the highest."""
    return _scaled(_ranks(scores))


def _ranks(scores: Scores) -> Scores:
    """Return ranks from 0 to n − 1 in each column; equal scores share their mean rank."""
    ranks = np.empty(scores.shape)
    for column, values in enumerate(scores.T):
        _, place, count = np.unique(values, return_inverse=True, return_counts=True)
        ranks[:, column] = (np.cumsum(count) - count + (count - 1) / 2)[place]
        ranks[np.isnan(values), column] = np.nan  # sorted last, so the others have the ranks that they have among them
    return ranks


def _scaled(ranks: Scores) -> Scores:
    return ranks / (len(ranks) - 1) if len(ranks) > 1 else ranks + 0.5


def check_finished(runs: Sequence[str | Path]) -> None:
    """Raise `FileNotFoundError` if a member of an ensemble has not finished."""
    for path in map(Path, runs):
        several = len(runs) > 1 or bool(fold_folders(path))
        if several and (path / CONFIG).is_file() and not (path / METRICS).is_file():
            raise FileNotFoundError(
                f"run: {path} has not finished (no {METRICS}) and cannot be part of an ensemble yet; "
                f"resume it with `xgraph train --resume --out {path}`"
            )


def check_members(states: Sequence[Mapping[str, Any]], paths: Sequence[Path], *, same_split: bool = False) -> None:
    """Raise `ValueError` if the members of an ensemble do not predict the same tasks on the same data."""
    first, where = states[0][HEADER], paths[0]
    for state, path in zip(states[1:], paths[1:], strict=True):
        other = state[HEADER]
        if other["kind"] != first["kind"]:
            one, two = (_NOUNS.get(header["kind"], header["kind"]) for header in (first, other))
            raise ValueError(
                f"run: the runs of an ensemble must be on the same data, got {one} ({where}) and {two} ({path})"
            )
        if other["task_names"] != first["task_names"]:
            one, two = (listed(header["task_names"], 3) or "none" for header in (first, other))
            raise ValueError(
                f"run: the runs of an ensemble must have the same tasks, got {one} ({where}) and {two} ({path})"
            )
        if same_split and other["dataset"] != first["dataset"]:
            raise ValueError(
                f"run: runs that are evaluated together must be on the same data set, got {first['dataset']!r} "
                f"({where}) and {other['dataset']!r} ({path})"
            )
        if same_split and _parts(other) == _parts(first) and other["fingerprint"] != first["fingerprint"]:
            noun = _NOUNS.get(first["kind"], "items")
            raise ValueError(
                f"run: runs that are evaluated together must have the same split, but the {noun}, labels or splits of "
                f"{first['dataset']!r} differ between {path} and {where}"
            )


def members_by_fold(runs: Sequence[Path]) -> list[list[Path]]:
    """Group the run directories that are evaluated together: all in one group, or one group per fold."""
    folders = [{folder.name: folder for folder in fold_folders(run)} for run in runs]
    for run, own in zip(runs, folders, strict=True):
        if own.keys() != folders[0].keys():
            which = [", ".join(n.removeprefix("fold_") for n in names) or "none" for names in (folders[0], own)]
            raise ValueError(
                f"run: runs over folds are evaluated fold by fold and must have the same folds, but {runs[0]} has "
                f"{which[0]} and {run} has {which[1]}"
            )
    return [[own[name] for own in folders] for name in folders[0]] or [list(runs)]


def _parts(header: Mapping[str, Any]) -> tuple[object, ...]:
    """Return the settings that change which parts of the data a run is trained and validated on."""
    settings = header.get("config", {})
    return settings.get("train_on", "train"), settings.get("inner"), settings.get("inner_groups")
