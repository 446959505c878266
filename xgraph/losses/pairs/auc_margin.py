"""The AUC margin loss in its min-max form."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from xgraph.checks import number
from xgraph.estimators import GammaSchedule, MovingAverage, ProjectedGradient
from xgraph.losses.batch import Batch
from xgraph.losses.pairs.base import Activation, Recent, SurrogateLoss
from xgraph.losses.pairs.surrogates import Hinge, Squared, SquaredHinge, Surrogate


class AUCMarginLoss(SurrogateLoss):
    r"""Area under the ROC curve by class means and variances (AUC-M; Yuan et al., ICCV 2021).

    .. math::
        \min_{w, a, b} \max_{α ≥ 0} \mathrm{mean}_+ (h - a)^2 + \mathrm{mean}_- (h - b)^2
        + α (m + \mathrm{mean}_- h - \mathrm{mean}_+ h) - α^2 / 4

    (6.21) and Algorithm 27 of the chapter, for ℓ = squared hinge; the maximum over α is
    ℓ(mean₋ h − mean₊ h) (6.20). Each task tracks a and b, moving averages of the class means, and α by its dual
    ascent α ← [(1 − τ/2) α + τ (m + mean₋ h − mean₊ h)]₊. The gradient uses all three as they were before the batch;
    at a task's first batch a and b are its class means and α = 0. So nothing but model parameters goes to the
    optimiser.

    For any ℓ the term in α is ℓ(u) + ℓ'(u)(s − u), with s = mean₋ h − mean₊ h, u ← u + τ/2 (s − u) and α = ℓ'(u):
    the same for the squared hinge, u being kept at −m or above, where ℓ' vanishes. For those without a margin
    (logistic, sigmoid, one's own) no u is known where ℓ' vanishes: u starts at the s of a task's first batch, so
    α = ℓ'(s) from the first batch on. (The published code moves the dual of −α²/2 instead, a different scale of α.)

    Args:
        num_items: Size of the data set (unused; ``index`` is checked against it).
        num_tasks: T, the number of label columns.
        surrogate: ℓ: squared_hinge, hinge, squared, logistic, sigmoid (in Python also a :class:`Surrogate`).
        margin: Margin m, for the surrogates that have one.
        activation: With sigmoid, the loss is applied to σ(h), as in published recipes; with none, to the logits.
        gamma: Weight of the new class means in a and b, in (0, 1] (in Python also a schedule).
        dual_lr: τ, the step size of α, in (0, 2].

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> loss_fn = AUCMarginLoss(num_items=4)
        >>> logits, target = torch.tensor([2.0, 1.0, 0.0, -1.0]), torch.tensor([1.0, 1.0, 0.0, 0.0])
        >>> loss_fn(logits, target)  # at first the variances only: α = 0
        tensor(0.5000)
        >>> loss_fn.eval()(logits, target)  # the margin of 1 is kept
        tensor(0.5000)
    """

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
        # α = ℓ'(u) is 0 at −m; below it the slope of the hinges stays 0, and there u would only be lost
        flat = self.surrogate
        self.start = -flat.margin if isinstance(flat, SquaredHinge | Hinge | Squared) else None
        low = -flat.margin if isinstance(flat, SquaredHinge | Hinge) else -math.inf
        self.means = MovingAverage(num_tasks, (2,), gamma, watch=False)
        self.dual = ProjectedGradient(num_tasks, (), dual_lr / 2, start=self.start or 0.0, low=low)
        self.recent = Recent(gamma)

    @property
    def alpha(self) -> Tensor:
        """``[T]``, α = ℓ'(u) of each task as its newest batch left it; 0 before its first batch."""
        return torch.where(self.dual.seen, self.surrogate.slope(self.dual.value), 0)

    def _loss(self, batch: Batch) -> Tensor | None:
        labels = torch.stack([batch.positive, batch.negative])
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
        """``[C]``, the term in α of the contributing tasks; then the step of α."""
        fixed = gap.detach()
        at = self.dual.read(task, fixed) if self.start is None else self.dual.at(task, fixed.dtype)
        self.dual.move(fixed - at, task, at, False)
        return self.surrogate(at) + self.surrogate.slope(at) * (gap - at)

    def monitor(self) -> dict[str, float]:
        """``objective``: a moving average of the loss over the latest batches; ``alpha``: the mean of α over tasks."""
        return {"objective": self.recent.objective, "alpha": self.alpha.mean().item()}
