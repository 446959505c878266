"""Normalised discounted cumulative gain (NDCG), by a surrogate rank that is tracked for each relevant pair."""

from __future__ import annotations

import math
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
from xgraph.relevance import MOST_EXP2, Gain, RelevanceLists, check_relevance, gains

Top = Literal["practical", "full", "ranks"]


class NDCGLoss(RankingLoss):
    r"""Normalised discounted cumulative gain, of whole lists or of their first K places (SONG and K-SONG).

    .. math::
        \min_w \; -\mathrm{mean}_q \sum_{i ∈ S_q^+} \frac{G_i}{Z_q} \frac{1}{\log_2(1 + r_i)}, \qquad
        r_i = 1 + \sum_{j ∈ S_q, j ≠ i} ℓ(h_j - h_i)

    :math:`G_i = 2^{y_i} - 1` is the gain of a relevant item and :math:`Z_q` the largest possible sum of discounted
    gains. Each relevant (item, query) pair tracks its surrogate rank r. It is estimated from the sampled list: the
    relevant items in the batch stand for the n⁺ of the list, and the irrelevant ones for its n⁻. (The mean over the
    sampled list itself would be biased, because relevant items are over-represented in it.) The loss returns the
    negative surrogate NDCG, in [−1, 0) for whole lists.

    With ``k``, Z is that of the first K places, and an item counts only if it is among them:

    - ``top="practical"``: times the constant ψ = σ(κ(h_i − λ_q)). λ_q separates the first K items and is found by
      descent (K-SONG without the gradient of ψ).
    - ``top="full"``: ψ has a gradient, also through λ_q, by the implicit function theorem.
    - ``top="ranks"``: times σ(κ(K + ½ − r_i)), without a threshold.

    Lists of K items or less are used as a whole. Ranks of tied items count against the relevant one.

    `Qiu et al., ICML 2022 <https://arxiv.org/abs/2202.12183>`__; equations (6.34), (6.36) and (6.37), Algorithm 33.

    Args:
        num_items: Size of the data set that ``index`` refers to.
        num_tasks: T, the number of queries (label columns); each (item, query) pair has its own state.
        relevance: ``[n, T]`` relevance of all items that batches are drawn from, NaN for those not in the list, or
            :class:`xgraph.data.RelevanceLists`. For ragged lists, see :meth:`of`.
        k: Number of places K that count; none for whole lists.
        top: How K is taken into account: practical, full or ranks.
        gain: exp2 for gains of 2^y − 1 (y at most 60), or linear for y.
        surrogate: ℓ: logistic, sigmoid, squared_hinge, hinge or squared (from Python also a :class:`Surrogate`). The
            first two are scaled so that ℓ(0) = 1.
        margin: Margin m of the surrogates that have one.
        gamma: Weight of the new value in the moving average, in (0, 1] (from Python also a schedule).
        kappa: Steepness κ of the factor for the first K places.
        dual_lr: Step size η of λ, in units of scores.
        max_lag: Keep the state below e^max_lag times the newest estimate; inf for no bound.
        strata: stratified, or pooled to let all sampled items stand for the rest of their list alike, which is biased.

    Raises:
        ValueError: If an argument is out of range.
        TypeError: If an argument has the wrong type.

    Example:
        >>> target = torch.tensor([1.0, 0.0, 0.0, 0.0])
        >>> loss_fn = NDCGLoss(num_items=4, relevance=target)
        >>> logits = torch.tensor([0.0, 0.0], requires_grad=True)
        >>> loss = loss_fn(logits, target[:2], torch.tensor([0, 1]))  # item 1 stands for all three: rank 1 + 3 ℓ(0)
        >>> loss.backward()
        >>> round(loss.item(), 4)  # -1 / log2(1 + 4)
        -0.4307
        >>> lists = RelevanceLists([0, 0, 1], [3, 5, 2], num_items=10)
        >>> of_lists = NDCGLoss.of(lists, k=3)
        >>> query, target = torch.tensor([0, 0, 1, 1]), torch.tensor([1.0, 0.0, 1.0, 0.0])
        >>> of_lists(torch.tensor([2.0, 1.0, 0.0, 0.0]), target, torch.tensor([0, -1, 2, -1]), query)
        tensor(-0.2799)
    """

    def __init__(
        self,
        num_items: int,
        num_tasks: int = 1,
        *,
        relevance: Tensor | RelevanceLists,
        k: int | None = None,
        top: Top = "practical",
        gain: Gain = "exp2",
        surrogate: str | Surrogate = "logistic",
        margin: float = 1.0,
        gamma: float | GammaSchedule = 0.3,
        kappa: float = 2.0,
        dual_lr: float = 0.1,
        max_lag: float = 10.0,
        strata: Strata = "stratified",
    ) -> None:
        super().__init__(num_items, num_tasks)
        lists = self.adopt(relevance, strata)
        self.k = None if k is None else integer("k", k)
        self.top = choice("top", top, get_args(Top))
        self.gain = choice("gain", gain, get_args(Gain))
        self.surrogate = rank_surrogate(surrogate, margin)
        self.kappa = number("kappa", kappa, SMALL, LARGE)
        number("dual_lr", dual_lr, 0, LARGE, "(]")
        if gain == "exp2":
            self.most_relevance = MOST_EXP2
            check_relevance("relevance", lists.relevance, MOST_EXP2)
        self.norm = lists.ideal(self.k, gain)
        self.track = MovingAverage(self.num_rows, (), gamma, max_lag=max_lag)
        self.threshold = None
        if self.k is not None and top != "ranks":
            self.threshold = TopThreshold(self.num_tasks, dual_lr, self.k, self.kappa, top == "full")
        self.recent = RecentLoss(gamma)

    def _objective(self, lists: Lists, rows: Tensor | None, duplicates: bool) -> Tensor:
        ranks = lists.ranks(self.surrogate)
        if rows is not None:
            ranks = self.track.step(ranks, rows, duplicates)
        value = math.log(2) / ranks.log1p()
        if self.threshold is not None:
            margin = self.threshold.margins(lists, rows is not None)
            factor = (margin * self.kappa).sigmoid()
            value = value * (factor if self.top == "full" else factor.detach())
        elif self.k is not None:
            factor = ((self.k + 0.5 - ranks) * self.kappa).sigmoid()
            value = value * torch.where(lists.at(lists.size) > self.k, factor, 1)
        ideal = self.norm[lists.query].to(ranks.dtype)
        loss = -lists.mean(value, gains(lists.at(lists.relevance), self.gain) / lists.at(ideal))
        if rows is not None:
            self.recent.add(loss)
        return loss

    def monitor(self) -> dict[str, float]:
        """Return figures to log during training.

        Returns:
            ``objective``: a moving average of the loss over recent batches; ``seen`` and ``stuck`` of the table of
            ranks.
        """
        return {"objective": self.recent.objective, **self.track.monitor()}
