"""Several runs as one: how their scores become one, and which runs belong together."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from xgraph.options import OptionError
from xgraph.training.config.names import distinct
from xgraph.training.files.checkpoint import HEADER
from xgraph.training.files.rundir import CONFIG, METRICS, fold_folders

Combine = Literal["mean", "rank"]
Scores = npt.NDArray[np.float64]
_NOUNS = {"graph": "molecules", "node": "nodes", "bag": "bags"}


class Ensemble:
    """Mean and standard deviation over the scores of several members, added one by one for the same rows."""

    def __init__(self, combine: str = "mean", *, several_classes: bool = False) -> None:
        if combine not in get_args(Combine):
            raise OptionError(f"combine = {combine!r}: expected {' or '.join(get_args(Combine))}")
        if combine == "rank" and several_classes:
            raise OptionError("combine = 'rank': it is for labels 0 and 1, not for classes that exclude each other")
        self.combine, self.members = combine, 0
        self._sum: Scores = np.zeros((0, 0))
        self._mean: Scores = np.zeros(())
        self._squares: Scores = np.zeros(())

    def add(self, scores: Scores) -> None:
        """Add a member."""
        new = _ranks(scores) if self.combine == "rank" else scores
        self.members += 1
        self._sum = self._sum + new if self.members > 1 else new
        away = new - self._mean
        self._mean = self._mean + away / self.members  # Welford's algorithm: no member need be kept
        self._squares = self._squares + away * (new - self._mean)

    @property
    def score(self) -> Scores:
        """Mean over the members, [n, T]."""
        # Sums of ranks are exact: rows that are equal by their ranks stay so.
        mean = self._sum / max(self.members, 1)
        return _scaled(mean) if self.combine == "rank" else mean

    @property
    def std(self) -> Scores | None:
        """Sample standard deviation over the members, [n, T]; None if there is one only."""
        if self.members < 2:
            return None
        std: Scores = np.sqrt(self._squares / (self.members - 1))
        return std / max(len(std) - 1, 1) if self.combine == "rank" else std

    def columns(self, names: Sequence[str], taken: Iterable[str]) -> dict[str, Scores]:
        """The columns of a table of predictions: a score each and, of several members, then a `<name>_std` each."""
        taken = list(taken)
        columns = dict(zip(distinct(names, taken), self.score.T, strict=True))
        if self.std is not None:
            spread = distinct([f"{name}_std" for name in columns], [*taken, *columns])
            columns |= dict(zip(spread, self.std.T, strict=True))
        return columns


def scaled_ranks(scores: Scores) -> Scores:
    """The rank of each score in its column, scaled to 0 for the lowest and 1 for the highest."""
    return _scaled(_ranks(scores))


def _ranks(scores: Scores) -> Scores:
    """Ranks from 0 to n − 1 in each column; of equal scores the middle."""
    ranks = np.empty(scores.shape)
    for column, values in enumerate(scores.T):
        _, place, count = np.unique(values, return_inverse=True, return_counts=True)
        ranks[:, column] = (np.cumsum(count) - count + (count - 1) / 2)[place]
    return ranks


def _scaled(ranks: Scores) -> Scores:
    return ranks / (len(ranks) - 1) if len(ranks) > 1 else ranks + 0.5


def check_finished(runs: Sequence[str | Path]) -> None:
    """Refuse an ensemble with a member that is still to come."""
    for path in map(Path, runs):
        several = len(runs) > 1 or bool(fold_folders(path))
        if several and (path / CONFIG).is_file() and not (path / METRICS).is_file():
            raise FileNotFoundError(
                f"run: {path} has not finished (no {METRICS}), so there is no ensemble with it yet; "
                f"`xgraph train --resume --out {path}` resumes it"
            )


def check_members(states: Sequence[Mapping[str, Any]], paths: Sequence[Path], *, same_split: bool = False) -> None:
    """Refuse members that do not score the same."""
    first, where = states[0][HEADER], paths[0]
    for state, path in zip(states[1:], paths[1:], strict=True):
        other = state[HEADER]
        if other["kind"] != first["kind"]:
            one, two = (_NOUNS.get(header["kind"], header["kind"]) for header in (first, other))
            raise ValueError(f"run: an ensemble needs runs on the same data, got {one} ({where}) and {two} ({path})")
        if other["task_names"] != first["task_names"]:
            raise ValueError(
                f"run: an ensemble needs the same tasks in all runs, got {_short(first['task_names'])} ({where}) and "
                f"{_short(other['task_names'])} ({path})"
            )
        if same_split and other["dataset"] != first["dataset"]:
            raise ValueError(
                f"run: an ensemble is evaluated on one data set, got {first['dataset']!r} ({where}) and "
                f"{other['dataset']!r} ({path})"
            )
        if same_split and _parts(other) == _parts(first) and other["fingerprint"] != first["fingerprint"]:
            noun = _NOUNS.get(first["kind"], "items")
            raise ValueError(
                f"run: an ensemble is evaluated on one split, but {path} was trained on other {noun}, labels or splits "
                f"of {first['dataset']!r} than {where}"
            )


def members_by_fold(runs: Sequence[Path]) -> list[list[Path]]:
    """The run directories that are evaluated together: all, or of runs over folds, those of each fold."""
    folders = [{folder.name: folder for folder in fold_folders(run)} for run in runs]
    for run, own in zip(runs, folders, strict=True):
        if own.keys() != folders[0].keys():
            which = [", ".join(n.removeprefix("fold_") for n in names) or "none" for names in (folders[0], own)]
            raise ValueError(
                f"run: an ensemble is evaluated fold by fold, but the folds of {runs[0]} are {which[0]} and those of "
                f"{run} {which[1]}"
            )
    return [[own[name] for own in folders] for name in folders[0]] or [list(runs)]


def _parts(header: Mapping[str, Any]) -> tuple[object, ...]:
    """Which parts of its data a run is trained and validated on, if not those that the data have."""
    settings = header.get("config", {})
    return settings.get("train_on", "train"), settings.get("inner")


def _short(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:3]))
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown or "none"
