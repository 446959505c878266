"""The score that separates the first K items of each list from the rest."""

from __future__ import annotations

import torch
from torch import Tensor

from xgraph.checks import LARGE, number
from xgraph.estimators import ProjectedGradient
from xgraph.losses.ranking.lists import Lists

SLACK = 0.5
"""ε: a threshold for K + ε items lies between the K-th and the next score, not on the K-th."""

TEMPERATURE = 0.1
"""τ₁, over which the step at the threshold is smoothed where the threshold has a gradient."""

RIDGE = 1e-6
"""τ₂, which makes the smoothed problem strongly convex. It is far below K/n of any list."""

STEPS = 60


class TopThreshold(ProjectedGradient):
    r"""λ_q of each query, above which K + ½ of the items of its list have their scores; found by descent.

    .. math:: λ ← λ + η \big( \mathrm{mean}_j 1[s_j > λ] - (K + ½)/n \big)

    Smoothed, σ((s − λ)/τ₁) replaces the indicator, and τ₂λ is subtracted. The mean is over the whole list, estimated
    from the batch. New queries start at the quantile of their first batch; so does one whose λ lies further from all
    scores of the batch than twice their spread, and five times 1/κ.

    Args:
        num_queries: Q.
        lr: Step size η.
        k: K.
        kappa: Steepness of the factor that compares scores with λ.
        smooth: Whether the problem is smoothed, so that λ depends on the scores.
    """

    def __init__(self, num_queries: int, lr: float, k: int, kappa: float, smooth: bool) -> None:
        super().__init__(num_queries, (), number("dual_lr", lr, 0, LARGE, "(]"))
        self.k, self.kappa, self.smooth = k, kappa, smooth

    def margins(self, lists: Lists, training: bool) -> Tensor:
        """Return s_i − λ of the relevant pairs, ``[R]``, and take a step in training; inf in lists of K items or less.

        λ is that of before the step, a constant, or with the gradient of the smoothed problem's solution.
        """
        long = lists.size > self.k
        column = long.nonzero().squeeze(1)
        threshold = lists.scores.new_full((len(long),), -torch.inf)
        if len(column):
            own = self._solve(lists, column) if not training else self._step(lists, column)
            threshold = threshold.index_copy(0, column, own)
        return lists.at(lists.scores) - lists.at(threshold)

    def _step(self, lists: Lists, column: Tensor) -> Tensor:
        scores, share = lists.scores.detach().t()[column], lists.shares()[column]
        rows = lists.query[column]
        before = self.at(rows, scores.dtype)
        known = share > 0
        low = scores.masked_fill(~known, torch.inf).amin(1)
        high = scores.masked_fill(~known, -torch.inf).amax(1)
        far = 2 * (high - low) + 5 / self.kappa
        new = ~self.seen[rows] | (before > high + far) | (before < low - far)
        if bool(new.any()):
            before = before.clone()
            before[new] = self._start(scores[new], share[new])
        above = (share * self._above(scores, before)).sum(1) / share.sum(1)
        direction = above - (self.k + SLACK) / lists.size[column]
        if self.smooth:
            direction = direction - RIDGE * before
        self.move(direction, rows, before, False)
        return self._attached(lists, column, before, share)

    def _solve(self, lists: Lists, column: Tensor) -> Tensor:
        """Return the λ of the batch alone."""
        share = lists.shares()[column]
        return self._attached(lists, column, self._start(lists.scores.detach().t()[column], share), share)

    def _attached(self, lists: Lists, column: Tensor, threshold: Tensor, share: Tensor) -> Tensor:
        """Give λ the gradient of the smoothed problem's solution."""
        if not self.smooth:
            return threshold
        scores = lists.scores.t()[column]
        above = self._above(scores.detach(), threshold)
        weight = share * above * (1 - above) / TEMPERATURE
        weight = weight / (weight.sum(1, keepdim=True) + RIDGE * share.sum(1, keepdim=True))
        return threshold + (weight * (scores - scores.detach())).sum(1)

    def _above(self, scores: Tensor, threshold: Tensor) -> Tensor:
        over = scores - threshold.unsqueeze(1)
        return (over / TEMPERATURE).sigmoid() if self.smooth else (over > 0).to(scores.dtype)

    def _start(self, scores: Tensor, share: Tensor) -> Tensor:
        """Return the highest score at or above which items stand for K + ½ of their list; smoothed, the solution."""
        known, mass = share > 0, self.k + SLACK
        ordered, order = scores.masked_fill(~known, -torch.inf).sort(1, descending=True)
        reached = share.gather(1, order).cumsum(1) >= mass
        place = torch.minimum(reached.logical_not().sum(1), known.sum(1) - 1)
        threshold = ordered.gather(1, place.unsqueeze(1)).squeeze(1)
        if not self.smooth:
            return threshold
        low = scores.masked_fill(~known, torch.inf).amin(1) - 50 * TEMPERATURE
        high = ordered[:, 0] + 50 * TEMPERATURE
        total = share.sum(1)
        for _ in range(STEPS):  # the excess of items above decreases in λ
            middle = (low + high) / 2
            excess = (share * self._above(scores, middle)).sum(1) - mass - RIDGE * total * middle
            low, high = torch.where(excess > 0, middle, low), torch.where(excess > 0, high, middle)
        return (low + high) / 2
