"""Ensembles: combining the scores of several runs for the same items."""

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from xgraph.options import OptionError

Combine = Literal["mean", "rank"]
Scores = npt.NDArray[np.float64]


class Ensemble:
    """Running mean and standard deviation of the scores of several members, added one by one for the same rows."""

    def __init__(self, combine: str = "mean", *, several_classes: bool = False, numbers: bool = False) -> None:
        if combine not in get_args(Combine):
            raise OptionError(f"combine = {combine!r}: expected {' or '.join(get_args(Combine))}")
        if combine == "rank" and several_classes:
            raise OptionError("combine = 'rank': expected 'mean' for mutually exclusive classes")
        if combine == "rank" and numbers:
            raise OptionError("combine = 'rank': expected 'mean' for predicted numbers, whose units ranks lose")
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
