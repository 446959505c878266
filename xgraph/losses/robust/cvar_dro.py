"""Distributionally robust optimisation with the conditional value at risk: the mean of the largest losses."""

from __future__ import annotations

import torch
from torch import Tensor

from xgraph.checks import LARGE, number
from xgraph.estimators import GammaSchedule, ProjectedGradient
from xgraph.losses.base import STRAY
from xgraph.losses.pairs.base import Activation, RecentLoss
from xgraph.losses.pairs.surrogates import Surrogate
from xgraph.losses.pointwise.errors import NumberError
from xgraph.losses.quantiles import quantiles
from xgraph.losses.robust.base import RobustLoss


class CVaRDROLoss(RobustLoss):
    r"""Distributionally robust optimisation with the conditional value at risk (CVaR): the mean of the largest losses.

    .. math:: \min_{w, ν} ν + \frac{1}{α} \mathrm{mean}_i (ℓ_i - ν)_+

    At the optimum, ν separates the share α of items with the largest losses from the rest, and the value is their mean
    loss. Each task has its own ν, which starts at the (1−α)-quantile of its first batch and descends by
    ν ← ν − η (α − mean 1[ℓ_i > ν]); value and gradient use ν from before the step. In eval mode, the result is the mean
    of the share α of the batch with the largest losses. After a batch of extreme scores (ν above e⁵ times all losses of
    a batch), ν restarts at the quantile of that batch.

    The hardest items include those with wrong labels. With ``reference``, :math:`ℓ_i` is the loss above that of a
    reference model, so that items which no model can fit count little (DRRho). Losses of the reference on items that it
    was trained on are too low: use those of models that have not seen them.

    Equation (6.117), with ν as in Algorithm 29 (SOPA); DRRho (Wei et al., `ICML 2025
    <https://arxiv.org/abs/2505.06699>`__).

    Args:
        num_items: Size of the data set that ``index`` refers to.
        num_tasks: T, the number of label columns.
        surrogate: ℓ, applied to −h for positives and to h for negatives; logistic is cross-entropy. For numbers, an
            error of the prediction: squared_error, absolute_error or huber.
        margin: Margin m of the surrogates that have one.
        activation: With sigmoid, apply ℓ to 2σ(h) − 1; with none, to the logits.
        gamma: Weight of the newest batch in the objective reported by ``monitor``, in (0, 1].
        alpha: Share α of the items to minimise the loss of, in (0, 1].
        dual_lr: Step size η of ν, in units of ℓ.
        reference: ``[num_items]`` or ``[num_items, T]`` losses of a reference model; NaN where there is none, which
            leaves the label out.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> loss_fn = CVaRDROLoss(num_items=100, alpha=0.5).eval()
        >>> loss_fn.reduce(torch.tensor([0.0, 1.0, 2.0, 4.0]))  # the mean of the larger half
        tensor(3.)
    """

    def __init__(
        self,
        num_items: int,
        num_tasks: int = 1,
        *,
        surrogate: str | Surrogate | NumberError = "logistic",
        margin: float = 1.0,
        activation: Activation | None = None,
        gamma: float | GammaSchedule = 0.1,
        alpha: float = 0.2,
        dual_lr: float = 0.1,
        reference: Tensor | None = None,
    ) -> None:
        super().__init__(
            num_items, num_tasks, surrogate=surrogate, margin=margin, activation=activation, reference=reference
        )
        self.alpha = number("alpha", alpha, 0, 1, "(]")
        self.threshold = ProjectedGradient(num_tasks, (), number("dual_lr", dual_lr, 0, LARGE, "(]"))
        self.recent = RecentLoss(gamma)

    def _reduce(self, losses: Tensor, weight: Tensor) -> Tensor | None:
        """Compute the loss of each task from its items' losses and weights, which are 0 where a label is missing."""
        count = weight.sum(0)
        task = count.nonzero().squeeze(1)
        if not len(task):
            return None
        losses, weight = losses[:, task], weight[:, task] / count[task]
        if not self.training:
            return self._largest(torch.where(weight > 0, losses, 0), weight).mean()
        threshold = self._before(losses.detach(), weight > 0, task)
        over = torch.where(weight > 0, losses - threshold, 0)
        above = (weight * (over > 0)).sum(0)
        loss = ((weight * over.relu()).sum(0) / self.alpha + threshold).mean()
        self.threshold.stuck.index_copy_(0, task, above == 0)
        self.threshold.move(above - self.alpha, task, threshold, False)
        self.recent.add(loss)
        return loss

    def _before(self, losses: Tensor, used: Tensor, task: Tensor) -> Tensor:
        """Return ν of some tasks before the step; new ones, and those far above all losses, start at the quantile."""
        threshold = self.threshold.at(task, losses.dtype)
        scale = self.surrogate(losses.new_zeros(())) if self.error is None else losses.new_zeros(())
        largest = torch.where(used, losses.abs(), 0).amax(0)
        fresh = ~self.threshold.seen.index_select(0, task) | (threshold > (largest + scale) * STRAY)
        if bool(fresh.any()):
            start = quantiles(losses, used, losses.new_tensor([1 - self.alpha]))[:, 0]
            threshold = torch.where(fresh, start, threshold)
        return threshold

    def _largest(self, losses: Tensor, weight: Tensor) -> Tensor:
        """Return the mean of each task's share α of largest losses, ``[T]``; weights have the sum 1."""
        ordered, place = losses.sort(0, descending=True)
        reached = weight.gather(0, place).cumsum(0).clamp_max(self.alpha)
        part = torch.cat([reached[:1], reached[1:] - reached[:-1]])
        return (part * ordered).sum(0) / self.alpha

    def monitor(self) -> dict[str, float]:
        """Return figures to log during training.

        Returns:
            ``objective``: a moving average of the loss over recent batches; ``threshold``: the mean ν of the tasks
            seen; ``seen``: their share; ``stuck``: the share of these whose newest batch has no loss above ν.
        """
        seen = self.threshold.seen
        level = self.threshold.value[seen].mean().item()
        return {"objective": self.recent.objective, "threshold": level, **self.threshold.monitor()}
