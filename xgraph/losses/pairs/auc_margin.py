"""The AUC margin loss in min-max form."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from xgraph.checks import number
from xgraph.estimators import GammaSchedule, MovingAverage, ProjectedGradient
from xgraph.losses.batch import Batch
from xgraph.losses.pairs.base import Activation, RecentLoss, SurrogateLoss
from xgraph.losses.pairs.surrogates import Hinge, Squared, SquaredHinge, Surrogate


class AUCMarginLoss(SurrogateLoss):
    r"""Area under the ROC curve (AUC), from the means and variances of the two classes (AUC-M).

    .. math::
        \min_{w, a, b} \max_{α ≥ 0} \mathrm{mean}_+ (h - a)^2 + \mathrm{mean}_- (h - b)^2
        + α (m + \mathrm{mean}_- h - \mathrm{mean}_+ h) - α^2 / 4

    This is the form for ℓ = squared hinge, where the maximum over α is ℓ(mean₋ h − mean₊ h). Each task tracks a and b,
    moving averages of its class means, and α by dual ascent: α ← [(1 − τ/2) α + τ (m + mean₋ h − mean₊ h)]₊. The
    gradient uses the values of all three from before the batch. In a task's first batch, a and b are its class means
    and α = 0. The optimiser only needs the model's parameters.

    For any other ℓ, the terms in α become ℓ(u) + ℓ'(u)(s − u) with s = mean₋ h − mean₊ h, u ← u + τ/2 (s − u) and
    α = ℓ'(u). For the squared hinge this is equivalent, with u kept at or above −m, where ℓ' vanishes. Surrogates
    without a margin (logistic, sigmoid, your own) have no such point, so u starts at the s of a task's first batch and
    α = ℓ'(s) from that batch on.

    `Yuan et al., ICCV 2021 <https://arxiv.org/abs/2012.03173>`__; equations (6.20) and (6.21), Algorithm 27. Their
    published code uses −α²/2 in place of −α²/4, so its α has a different scale.

    Args:
        num_items: Size of the data set (only used to check ``index``).
        num_tasks: T, the number of label columns.
        surrogate: ℓ: squared_hinge, hinge, squared, logistic or sigmoid (from Python also a :class:`Surrogate`).
        margin: Margin m of the surrogates that have one.
        activation: With sigmoid, apply the loss to σ(h), as published recipes do; with none, to the logits.
        gamma: Weight of the new class means in a and b, in (0, 1] (from Python also a schedule).
        dual_lr: Step size τ of α, in (0, 2].

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> loss_fn = AUCMarginLoss(num_items=4)
        >>> logits, target = torch.tensor([2.0, 1.0, 0.0, -1.0]), torch.tensor([1.0, 1.0, 0.0, 0.0])
        >>> loss_fn(logits, target)  # first batch: α = 0, so only the variances count
        tensor(0.5000)
        >>> loss_fn.eval()(logits, target)  # the class means are further apart than the margin
        tensor(0.5000)
    """

    takes_weights = True
    recipe: ClassVar[Mapping[str, object]] = {"activation": "sigmoid"}

    def __init__(
        self,
        num_items: int,
        num_tasks: int = 1,
        *,
        surrogate: str | Surrogate = "squared_hinge",
        margin: float = 1.0,
        activation: Activation | None = None,
        gamma: float | GammaSchedule = 0.1,
        dual_lr: float = 0.1,
    ) -> None:
        super().__init__(num_items, num_tasks, surrogate=surrogate, margin=margin, activation=activation)
        number("dual_lr", dual_lr, 0, 2, "(]")
        # α = ℓ'(u) is 0 at −m. The hinges are flat below −m, so u must not go there.
        flat = self.surrogate
        self.start = -flat.margin if isinstance(flat, SquaredHinge | Hinge | Squared) else None
        low = -flat.margin if isinstance(flat, SquaredHinge | Hinge) else -math.inf
        self.means = MovingAverage(num_tasks, (2,), gamma, watch=False)
        self.dual = ProjectedGradient(num_tasks, (), dual_lr / 2, start=self.start or 0.0, low=low)
        self.recent = RecentLoss(gamma)

    @property
    def alpha(self) -> Tensor:
        """``[T]``, α = ℓ'(u) of each task after its newest batch; 0 before the first batch."""
        return torch.where(self.dual.seen, self.surrogate.slope(self.dual.value), 0)

    def _loss(self, batch: Batch) -> Tensor | None:
        labels = torch.stack([batch.positive, batch.negative])
        if batch.weight is not None:
            labels = labels * batch.weight.unsqueeze(1)
        count = labels.sum(1, dtype=batch.scores.dtype)
        task = count.amin(0).nonzero().squeeze(1)
        if not len(task):
            return None
        scores = self.activated(batch)
        if len(task) < self.num_tasks:
            scores, labels, count = scores[:, task], labels[:, :, task], count[:, task]
        weights = labels / count.unsqueeze(1)
        means = (weights * scores).sum(1)
        gap = means[1] - means[0]
        centres = self.means.read(task, means.t()).t() if self.training else means
        margin = self._ascend(task, gap) if self.training else self.surrogate(gap)
        spread = (weights * (scores - centres.unsqueeze(1)).square()).sum((0, 1))
        loss = (spread + margin).mean()
        if self.training:
            self.means.write(means.detach().t(), task, False)
            self.recent.add(loss)
        return loss

    def _ascend(self, task: Tensor, gap: Tensor) -> Tensor:
        """Return the terms in α of the contributing tasks, ``[C]``, and update α."""
        fixed = gap.detach()
        at = self.dual.read(task, fixed) if self.start is None else self.dual.at(task, fixed.dtype)
        self.dual.move(fixed - at, task, at, False)
        return self.surrogate(at) + self.surrogate.slope(at) * (gap - at)

    def monitor(self) -> dict[str, float]:
        """Return figures to log during training.

        Returns:
            ``objective``: a moving average of the loss over recent batches, NaN before the first; ``alpha``: the mean
            of α over tasks.
        """
        return {"objective": self.recent.objective, "alpha": self.alpha.mean().item()}
