"""Group distributionally robust optimisation: minimise the loss of the worst groups."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from xgraph.checks import LARGE, SMALL, number
from xgraph.estimators import GammaSchedule, MovingAverage, ProjectedGradient
from xgraph.losses.base import STRAY
from xgraph.losses.batch import Batch
from xgraph.losses.pairs.base import Activation
from xgraph.losses.pairs.surrogates import Surrogate
from xgraph.losses.pointwise.errors import NumberError
from xgraph.losses.robust.base import PointwiseLoss


class GroupLosses(MovingAverage):
    """The loss L_k of every group; one far above the group's newest loss, on the scale of ℓ(0), restarts."""

    def __init__(self, num_items: int, gamma: float | GammaSchedule, surrogate: Surrogate) -> None:
        super().__init__(num_items, (), gamma, restart_lag=math.log(STRAY), watch=False)
        self.surrogate = surrogate

    def _lags(self, state: Tensor, estimate: Tensor, lag: float) -> Tensor:
        return state > (estimate.abs() + self.surrogate(estimate.new_zeros(()))) * math.exp(lag)


class GroupDROLoss(PointwiseLoss):
    r"""Group distributionally robust optimisation (group DRO): the mean loss of the worst share of groups.

    .. math:: \min_{w, ν} \mathrm{mean}_k f_ε(L_k - ν) + α ν

    :math:`L_k` is the mean loss of group k, for example of the molecules that share a scaffold, and :math:`f_ε` is a
    smoothed hinge: g²/2ε up to ε, g − ε/2 beyond. At the optimum, ν separates the worst share α of the groups from the
    rest (their conditional value at risk, CVaR).

    The loss tracks :math:`L_k` for each (group, task) pair. Each task has its own ν, which starts at 0 and descends by
    ν ← ν − η (α − mean f_ε'(L_k − ν)). Value and gradient use the new :math:`L_k` and the old ν, averaged over the
    groups in the batch. Batches should hold several items of each group: see :class:`xgraph.sampling.GroupSampler`.
    After a batch of extreme scores (:math:`L_k` above e⁵ times the group's newest loss), a group restarts.

    SONEX (Chen et al., 2025); equation (6.19) and Algorithm 25.

    Args:
        num_items: Size of the data set that ``index`` refers to.
        num_tasks: T, the number of label columns.
        groups: ``[num_items]`` group numbers of the items, integers from 0 (gaps are allowed). Items without a group
            have −1 and are ignored, as in :class:`xgraph.sampling.GroupSampler`.
        surrogate: ℓ, applied to −h for positives and to h for negatives; logistic is cross-entropy. For numbers, an
            error of the prediction: squared_error, absolute_error or huber.
        margin: Margin m of the surrogates that have one.
        activation: With sigmoid, apply ℓ to 2σ(h) − 1; with none, to the logits.
        gamma: Weight of the new value in each group's average, in (0, 1] (from Python also a schedule).
        alpha: Share α of the groups to minimise the loss of, in (0, 1].
        epsilon: Width ε over which the hinge is smoothed, in units of ℓ.
        dual_lr: Step size η of ν.
        reference: ``[num_items]`` or ``[num_items, T]`` losses of a reference model, which are subtracted (DRRHO); NaN
            where there is none, which leaves the label out.

    Raises:
        ValueError: If an argument is out of range, or no item has a group.
        TypeError: If an argument has the wrong type, for example if ``groups`` is not an integer tensor.

    Example:
        >>> loss_fn = GroupDROLoss(num_items=4, groups=torch.tensor([0, 0, 1, 1]), alpha=0.5)
        >>> logits = torch.tensor([2.0, 1.0, 0.0, -1.0], requires_grad=True)
        >>> loss = loss_fn(logits, torch.tensor([1.0, 1.0, 0.0, 0.0]), index=torch.arange(4))
        >>> loss.backward()
        >>> loss_fn.monitor()["seen"]
        1.0
    """

    sampler = "group"
    groups: Tensor

    def __init__(
        self,
        num_items: int,
        num_tasks: int = 1,
        *,
        groups: Tensor,
        surrogate: str | Surrogate | NumberError = "logistic",
        margin: float = 1.0,
        activation: Activation | None = None,
        gamma: float | GammaSchedule = 0.1,
        alpha: float = 0.2,
        epsilon: float = 0.1,
        dual_lr: float = 0.1,
        reference: Tensor | None = None,
    ) -> None:
        super().__init__(
            num_items, num_tasks, surrogate=surrogate, margin=margin, activation=activation, reference=reference
        )
        self.alpha = number("alpha", alpha, 0, 1, "(]")
        self.epsilon = number("epsilon", epsilon, SMALL, LARGE)
        self.register_buffer("groups", _renumbered(groups, num_items), persistent=False)
        self.num_groups = int(self.groups.max()) + 1
        self._all_grouped = int(self.groups.min()) >= 0
        self.track = GroupLosses(self.num_groups * num_tasks, gamma, self.surrogate)
        self.threshold = ProjectedGradient(num_tasks, (), number("dual_lr", dual_lr, 0, LARGE, "(]"))

    def _loss(self, batch: Batch) -> Tensor | None:
        if batch.items is None:
            raise ValueError("index is required: it determines the group of each item")
        weight = batch.weighted(batch.known.to(batch.scores.dtype))
        return self._reduce(*self._above_reference(self.pointwise(batch), weight, batch.items), batch.items)

    def reduce(self, losses: Tensor, index: Tensor, known: Tensor | None = None) -> Tensor:
        """Compute the group DRO loss from per-item losses of any kind.

        Args:
            losses: ``[B]`` or ``[B, T]``, with gradient.
            index: ``[B]`` positions of the items in the data set.
            known: Boolean mask with the shape of ``losses``: the losses to use; ``None`` for all.

        Returns:
            A scalar.

        Raises:
            ValueError: If a shape or device does not match, or a used loss is not finite or is beyond ±1e15.
            IndexError: If an index is negative or not below ``num_items``.
            TypeError: If ``losses`` is not a floating-point tensor, or ``index`` does not hold integers.
        """
        skipped = self._skipped(losses, known, index)
        values, mask = self._check_losses(losses if skipped is None else torch.zeros_like(losses), known, index)
        self._check_index(index, len(values))
        if skipped is not None:
            return skipped
        own = self._above_reference(values, mask.to(values.dtype), index.long())
        loss = self._reduce(*own, index.long())
        return losses[:0].sum() if loss is None else loss

    def _reduce(self, losses: Tensor, weight: Tensor, items: Tensor) -> Tensor | None:
        groups = self.groups.index_select(0, items)
        if not self._all_grouped:
            weight = weight * (groups >= 0).unsqueeze(1)
        group, slot = torch.unique(groups, return_inverse=True)
        count = losses.new_zeros(len(group), self.num_tasks).index_add_(0, slot, weight)
        place = count.nonzero(as_tuple=True)
        if not len(place[0]):
            return None
        total = torch.zeros_like(count).index_add(0, slot, torch.where(weight > 0, losses * weight, 0))
        level = total[place] / count[place]
        task = place[1]
        if self.training:
            rows = torch.add(task, group[place[0]], alpha=self.num_tasks)
            level = self.track.step(level, rows, False)
        count = torch.bincount(task, minlength=self.num_tasks).to(losses.dtype)
        tasks = count.nonzero().squeeze(1)
        if self.training:
            threshold = self.threshold.at(tasks, losses.dtype)
        else:
            table = torch.full_like(total, -torch.inf).index_put_(place, level.detach())
            threshold = best_threshold(table.t()[tasks], self.alpha, self.epsilon)
        over = level - losses.new_zeros(self.num_tasks).index_copy_(0, tasks, threshold)[task]
        if self.training:
            share = torch.zeros_like(count).index_add_(0, task, self._slope(over.detach()))[tasks] / count[tasks]
            self.threshold.move(share - self.alpha, tasks, threshold, False)
        return (self._hinge(over) / count[task]).sum() / len(tasks) + self.alpha * threshold.mean()

    def _slope(self, over: Tensor) -> Tensor:
        """Return f_ε'(over)."""
        return over.clamp(0, self.epsilon) / self.epsilon

    def _hinge(self, over: Tensor) -> Tensor:
        """Return f_ε(over)."""
        part = self._slope(over)
        return part * (over - part * (self.epsilon / 2))

    def monitor(self) -> dict[str, float]:
        """Return figures to log during training.

        Returns:
            ``objective``: mean f_ε(L_k − ν) + αν over the groups seen; ``worst``: the largest L_k; ``seen`` and
            ``stuck`` of the table.
        """
        seen = self.track.seen.view(-1, self.num_tasks)
        level = self.track.value.view(-1, self.num_tasks)
        hinge = torch.where(seen, self._hinge(level - self.threshold.value), 0).sum(0) / seen.sum(0)
        objective = (hinge + self.alpha * self.threshold.value)[seen.any(0)].mean().item()
        worst = level[seen].max().item() if bool(seen.any()) else math.nan
        return {"objective": objective, "worst": worst, **self.track.monitor()}


def best_threshold(level: Tensor, alpha: float, epsilon: float) -> Tensor:
    """Find the ν, ``[C]``, that minimise mean_k f_ε(L_k − ν) + αν for ``[C, K]`` L_k (−inf if a task lacks a group)."""
    known = level > -torch.inf
    bends = torch.cat([level, level - epsilon], 1)  # the mean slope is piecewise linear in ν, with kinks here
    bends = torch.where(known.repeat(1, 2), bends, level.amax(1, keepdim=True)).sort(1).values

    def slope(place: Tensor) -> Tensor:
        over = (level - bends.gather(1, place)).clamp(0, epsilon)
        return over.sum(1, keepdim=True) / epsilon / known.sum(1, keepdim=True)

    # The slope decreases along the kinks. Search for the last one where it is still at least α.
    first = torch.zeros(len(level), 1, dtype=torch.long, device=level.device)
    last = torch.full_like(first, bends.shape[1] - 2)
    for _ in range(bends.shape[1].bit_length()):
        middle = (first + last + 1) // 2
        enough = slope(middle) >= alpha - 1e-6
        first, last = torch.where(enough, middle, first), torch.where(enough, last, middle - 1)
    left, right = slope(first), slope(first + 1)
    step = ((left - alpha) / (left - right).clamp_min(1e-12)).clamp(0, 1)
    return torch.lerp(bends.gather(1, first), bends.gather(1, first + 1), step).squeeze(1)


def _renumbered(groups: Tensor, num_items: int) -> Tensor:
    """Renumber the groups, ``[num_items]``, from 0 without gaps; −1 is kept."""
    if (
        not isinstance(groups, Tensor)
        or groups.is_floating_point()
        or groups.is_complex()
        or groups.dtype == torch.bool
    ):
        got = groups.dtype if isinstance(groups, Tensor) else type(groups).__name__
        raise TypeError(f"groups must be a tensor of integers, got {got}")
    if groups.shape != (num_items,):
        raise ValueError(f"groups must have the shape [{num_items}], one per item, got {list(groups.shape)}")
    least = int(groups.min())
    if least < -1:
        raise ValueError(f"groups must be integers from 0, or -1 for an item without a group, got {least}")
    if int(groups.max()) < 0:
        raise ValueError("groups must assign at least one item to a group, got -1 for all of them")
    numbers: Tensor = torch.unique(groups.detach(), return_inverse=True)[1]
    return numbers + least if least < 0 else numbers
