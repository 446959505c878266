"""Listwise cross-entropy: a softmax over each whole list, estimated from sampled items."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from xgraph.estimators import GammaSchedule, LogMovingAverage, Proximal
from xgraph.losses.base import TASK_RESTART_LAG
from xgraph.losses.pairs.base import RecentLoss
from xgraph.losses.ranking.base import RankingLoss
from xgraph.losses.ranking.lists import Lists, Strata
from xgraph.relevance import RelevanceLists


class ListwiseCELoss(RankingLoss):
    r"""Listwise cross-entropy (ListNet): a softmax over all items of a query's list, of which a batch holds a sample.

    .. math::
        \min_w \mathrm{mean}_q \sum_{i ∈ S_q^+} \frac{y_i}{\sum y} \log \sum_{j ∈ S_q} \exp(h_j - h_i)

    Each query tracks one number, the logarithm of the mean over its whole list, relative to the mean score c of its
    relevant items. In the mean, the relevant items in the batch stand for the n⁺ of the list and the irrelevant ones
    for its n⁻. With γ = 1, this is the sampled softmax; the state removes the bias of the logarithm of a small sample.

    ListNet (`Cao et al., ICML 2007 <https://doi.org/10.1145/1273496.1273513>`__); equation (2.47), with the
    estimator of SOX for the logarithm.

    Args:
        num_items: Size of the data set that ``index`` refers to.
        num_tasks: T, the number of queries (label columns).
        relevance: ``[n, T]`` relevance of all items that batches are drawn from, NaN for those not in the list, or
            :class:`xgraph.data.RelevanceLists`. For ragged lists, see :meth:`of`.
        gamma: Weight of the new value in the moving average, in (0, 1] (from Python also a schedule).
        max_lag: Bound on the tracked logarithm above its newest estimate; inf for none. Beyond 20 it restarts in any
            case.
        strata: stratified, or pooled to let all sampled items stand for the rest of their list alike, which is biased.

    Raises:
        ValueError: If an argument is out of range.
        TypeError: If an argument has the wrong type.

    Example:
        >>> target = torch.tensor([1.0, 0.0, 0.0, 0.0])
        >>> loss_fn = ListwiseCELoss(num_items=4, relevance=target)
        >>> logits = torch.tensor([0.0, 0.0], requires_grad=True)
        >>> loss = loss_fn(logits, target[:2], torch.tensor([0, 1]))  # item 1 stands for all three: log(1 + 3)
        >>> loss.backward()
        >>> round(loss.item(), 4)
        1.3863
    """

    needs_pairs = False

    def __init__(
        self,
        num_items: int,
        num_tasks: int = 1,
        *,
        relevance: Tensor | RelevanceLists,
        gamma: float | GammaSchedule = 0.3,
        max_lag: float = math.inf,
        strata: Strata = "stratified",
    ) -> None:
        super().__init__(num_items, num_tasks)
        lists = self.adopt(relevance, strata)
        self.norm = torch.zeros_like(self.norm).index_add_(0, lists.queries(), lists.relevance)
        self.track = LogMovingAverage(self.num_tasks, (), gamma, max_lag=max_lag, restart_lag=TASK_RESTART_LAG)
        self.recent = RecentLoss(0.1 if isinstance(gamma, Proximal) else gamma)

    def _objective(self, lists: Lists, rows: Tensor | None, duplicates: bool) -> Tensor:
        scores, relevant = lists.scores, lists.relevant
        own = torch.where(relevant, scores, 0)
        centre = own.sum(0) / lists.drawn
        log_share = lists.shares().log().t()
        level = (scores + log_share).masked_fill(log_share == -torch.inf, -torch.inf).logsumexp(0) - centre
        if self.training:
            size = lists.size.log()  # a mean over the list, so that the state does not depend on its length
            level = self.track.step(level - size, lists.query, False) + size
        total = self.norm[lists.query].to(scores.dtype)
        weight = lists.relevance * (lists.num_relevant / lists.drawn / total)  # estimates y / Σy over the whole list
        loss = (level + centre - (weight * own).sum(0)).mean()
        if self.training:
            self.recent.add(loss)
        return loss

    def monitor(self) -> dict[str, float]:
        """Return figures to log during training.

        Returns:
            ``objective``: a moving average of the loss over recent batches; ``seen`` and ``stuck`` of the table.
        """
        return {"objective": self.recent.objective, **self.track.monitor()}
