"""Recall and precision among the first K items of each list."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from xgraph.checks import LARGE, SMALL, choice, integer, number
from xgraph.estimators import GammaSchedule, MovingAverage
from xgraph.losses.pairs.base import RecentLoss
from xgraph.losses.pairs.surrogates import Surrogate
from xgraph.losses.ranking.base import RankingLoss
from xgraph.losses.ranking.lists import Lists, Strata
from xgraph.losses.ranking.surrogates import rank_surrogate
from xgraph.losses.ranking.threshold import TopThreshold
from xgraph.relevance import RelevanceLists

Measure = Literal["recall", "precision"]
By = Literal["ranks", "threshold"]


class RecallLoss(RankingLoss):
    r"""Recall (or precision) at K: the share of relevant items that are among the first K of their list.

    .. math::
        \min_w \; -\mathrm{mean}_q \frac{1}{n_q^+} \sum_{i ∈ S_q^+} ψ_i, \qquad
        ψ_i = \frac{(K + ½)^2}{(K + ½)^2 + r_i^2} \;\text{or}\; σ(κ(h_i - λ_q))

    By ranks (the default), each relevant (item, query) pair tracks its surrogate rank r, estimated as in
    :class:`NDCGLoss`; ψ falls slowly enough that relevant items far down a list still have a gradient. By threshold,
    each query has λ_q, which separates the first K items of its list; it is found by descent and has the gradient of
    the smoothed problem (without it, irrelevant items would have none). Precision divides by K instead of n⁺.

    Lists of K items or less have a recall of 1 and teach nothing. The loss returns the negative measure.

    By threshold: the lower level of K-SONG (`Qiu et al., ICML 2022 <https://arxiv.org/abs/2202.12183>`__; equation
    (6.37)). By ranks: a form of this package.

    Args:
        num_items: Size of the data set that ``index`` refers to.
        num_tasks: T, the number of queries (label columns).
        relevance: ``[n, T]`` relevance of all items that batches are drawn from, NaN for those not in the list, or
            :class:`xgraph.data.RelevanceLists`. For ragged lists, see :meth:`of`.
        k: Number of places K.
        by: Whether an item is among the first K by its rank or by a threshold: ranks or threshold.
        measure: recall or precision.
        surrogate: ℓ of the ranks: logistic, sigmoid, squared_hinge, hinge or squared (from Python also a
            :class:`Surrogate`). The first two are scaled so that ℓ(0) = 1.
        margin: Margin m of the surrogates that have one.
        gamma: Weight of the new value in the moving average, in (0, 1] (from Python also a schedule).
        kappa: Steepness κ, by threshold.
        dual_lr: Step size η of λ, in units of scores.
        max_lag: Keep the state below e^max_lag times the newest estimate; inf for no bound.
        strata: stratified, or pooled to let all sampled items stand for the rest of their list alike, which is biased.

    Raises:
        ValueError: If an argument is out of range.
        TypeError: If an argument has the wrong type.

    Example:
        >>> target = torch.tensor([1.0, 0.0, 0.0, 0.0])
        >>> loss_fn = RecallLoss(num_items=4, relevance=target, k=1)
        >>> logits = torch.tensor([0.0, 0.0], requires_grad=True)
        >>> loss = loss_fn(logits, target[:2], torch.tensor([0, 1]))  # rank 4: -1.5² / (1.5² + 4²)
        >>> loss.backward()
        >>> round(loss.item(), 4)
        -0.1233
    """

    def __init__(
        self,
        num_items: int,
        num_tasks: int = 1,
        *,
        relevance: Tensor | RelevanceLists,
        k: int = 20,
        by: By = "ranks",
        measure: Measure = "recall",
        surrogate: str | Surrogate = "logistic",
        margin: float = 1.0,
        gamma: float | GammaSchedule = 0.3,
        kappa: float = 2.0,
        dual_lr: float = 0.1,
        max_lag: float = 10.0,
        strata: Strata = "stratified",
    ) -> None:
        super().__init__(num_items, num_tasks)
        self.adopt(relevance, strata)
        self.k = integer("k", k)
        self.by = choice("by", by, get_args(By))
        self.measure = choice("measure", measure, get_args(Measure))
        self.surrogate = rank_surrogate(surrogate, margin)
        self.kappa = number("kappa", kappa, SMALL, LARGE)
        number("dual_lr", dual_lr, 0, LARGE, "(]")
        self.needs_pairs = by == "ranks"
        tracked = MovingAverage(self.num_rows, (), gamma, max_lag=max_lag)
        self.track = tracked if by == "ranks" else None
        self.threshold = None
        if by == "threshold":
            self.threshold = TopThreshold(self.num_tasks, dual_lr, self.k, self.kappa, True)
        self.recent = RecentLoss(gamma)

    def _objective(self, lists: Lists, rows: Tensor | None, duplicates: bool) -> Tensor:
        if self.threshold is not None:
            value = (self.threshold.margins(lists, self.training) * self.kappa).sigmoid()
        else:
            ranks = lists.ranks(self.surrogate)
            if rows is not None and self.track is not None:
                ranks = self.track.step(ranks, rows, duplicates)
            scaled = ranks / (self.k + 0.5)
            value = torch.where(lists.at(lists.size) > self.k, 1 / (1 + scaled.square()), 1)
        number_of = lists.at(lists.num_relevant) if self.measure == "recall" else value.new_full((), self.k)
        loss = -lists.mean(value, 1 / number_of.expand_as(value))
        if self.training:
            self.recent.add(loss)
        return loss

    def monitor(self) -> dict[str, float]:
        """Return figures to log during training.

        Returns:
            ``objective``: a moving average of the loss over recent batches; ``seen`` and ``stuck`` of the table of
            ranks or thresholds.
        """
        table = self.threshold if self.track is None else self.track
        return {"objective": self.recent.objective, **({} if table is None else table.monitor())}
