"""How a table's rows are updated: known rows are blended with the new estimates, new rows start from them."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
import torch.distributed as dist
from torch import Tensor

from xgraph.estimators.row_store import RowStore
from xgraph.estimators.rows import slots
from xgraph.estimators.schedules import GammaSchedule, Proximal, check_gamma, check_rates

Exchange = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Takes this process's rows (index, estimate) and returns the rows of all processes."""

Rate = float | Tensor | Proximal
"""γ of one step: a number, one per row (in the shape of a row's first number), or a rule."""

STUCK = 10.0
"""An item whose state is e^10 times its newest estimate passes on almost no gradient."""


class MovingRows(RowStore):
    """The update step of a :class:`StateTable`; subclasses define how rows are blended, bounded and differentiated."""

    stuck: Tensor
    gamma: float
    schedule: GammaSchedule
    gradient: str
    max_lag: float | None
    restart_lag: float | None
    watch: bool
    exchange: Exchange | None
    shared: bool

    def read(self, index: Tensor, default: Tensor) -> Tensor:
        """Return the detached state of some rows, or ``default`` for items that have not been seen.

        Args:
            index: ``[B]`` int64 row numbers, already checked.
            default: ``[B, *shape]``.

        Returns:
            ``[B, *shape]``, in the type of ``default``.
        """
        known = self._broadcast(self.seen.index_select(0, index))
        return torch.where(known, self._get(index).to(default.dtype), default.detach())

    def _write(
        self, estimate: Tensor, index: Tensor, duplicates: bool, gamma: float | Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Update rows; return the new state and the factor of a scaled gradient (``None`` means 1)."""
        rate = self._rate(gamma, len(index))
        if self.exchange is None:
            if not self.shared:
                _warn_if_alone()
            return self._move(estimate, index, duplicates, rate)
        all_index, all_estimates = self.exchange(index, estimate)
        if isinstance(rate, Tensor):
            rate = self.exchange(index, rate)[1]
        _, scale = self._move(all_estimates, all_index, True, rate)
        if scale is not None:
            ordered, order = all_index.sort()
            scale = scale.index_select(0, order.index_select(0, torch.searchsorted(ordered, index)))
        return self.read(index, estimate), scale

    def _rate(self, gamma: float | Tensor | None, length: int) -> Rate:
        """Return the checked γ of one step: a number, one per row, or a rule."""
        if isinstance(gamma, Tensor) and gamma.dim():
            return check_rates(gamma, length)
        if gamma is None:
            return self.schedule if isinstance(self.schedule, Proximal) else self.gamma
        return check_gamma("gamma", gamma)

    def _move(self, estimate: Tensor, index: Tensor, duplicates: bool, gamma: Rate) -> tuple[Tensor, Tensor | None]:
        """Write the new rows of ``index``; return them and the scale of their gradient, as `_write` does."""
        if duplicates:
            estimate = self._merge(estimate, index)
            if isinstance(gamma, Tensor):
                slot = slots(index)
                total = torch.zeros_like(gamma).index_add_(0, slot, gamma)
                count = torch.zeros_like(gamma).index_add_(0, slot, torch.ones_like(gamma))
                gamma = (total / count.clamp_min_(1)).index_select(0, slot)
        new, scale = self._next(estimate, index, gamma)
        self._put(index, new)
        return new, scale

    def _next(self, estimate: Tensor, index: Tensor, gamma: Rate) -> tuple[Tensor, Tensor | None]:
        """Compute the new rows of ``index`` and the scale of their gradient; rows of the same item are equal."""
        scale = None
        if isinstance(gamma, Tensor):
            gamma = self._broadcast(gamma).to(estimate.dtype)
        if not isinstance(gamma, float) or gamma < 1:
            old = self._get(index).to(estimate.dtype)
            known = self._broadcast(self.seen.index_select(0, index))
            if self.restart_lag is not None:
                known = known.logical_and(self._lags(old, estimate, self.restart_lag).logical_not_())
            new = torch.where(known, self._blend(old, estimate, gamma), estimate)
            if self.gradient == "scaled":
                share = gamma.logs(old)[0].exp() if isinstance(gamma, Proximal) else gamma
                scale = torch.where(known, share, estimate.new_ones(()))
        else:
            new = estimate
        if self.max_lag is not None:
            new = self._bound(new, estimate, self.max_lag)
        if self.watch and (self.max_lag is None or self.max_lag > STUCK):
            lagging = self._lags(new, estimate, STUCK)
            self.stuck.index_copy_(0, index, lagging.flatten(1).any(1) if self.shape else lagging)
        return new, scale

    def _broadcast(self, rows: Tensor) -> Tensor:
        return rows.view(-1, *[1] * len(self.shape))

    def _merge(self, estimate: Tensor, index: Tensor) -> Tensor:
        """Replace each estimate by the mean over the estimates of its item (shapes do not depend on the data)."""
        slot = slots(index)
        count = estimate.new_zeros(len(index)).index_add_(0, slot, estimate.new_ones(len(index)))
        return self._mean(estimate, slot, self._broadcast(count))

    def _blend(self, old: Tensor, estimate: Tensor, gamma: Rate) -> Tensor:
        """Compute the new state of items seen before."""
        raise NotImplementedError

    def _attach(self, state: Tensor, change: Tensor, fixed: Tensor) -> Tensor:
        """Give the state a gradient: ``change`` is 0 with the gradient of the estimates, ``fixed`` their value."""
        raise NotImplementedError

    def _mean(self, estimate: Tensor, slot: Tensor, count: Tensor) -> Tensor:
        return (torch.zeros_like(estimate).index_add_(0, slot, estimate) / count).index_select(0, slot)

    def _bound(self, state: Tensor, estimate: Tensor, lag: float) -> Tensor:
        """Limit the state to ``lag`` above the estimates."""
        raise NotImplementedError

    def _lags(self, state: Tensor, estimate: Tensor, lag: float) -> Tensor:
        """Return a mask of the states that are more than ``lag`` above their estimates."""
        raise NotImplementedError


def _warn_if_alone() -> None:
    """Warn if other processes are trained along with this one, which see nothing of what is written."""
    if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
        warnings.warn(
            f"a table is updated by the rows of this process alone, one of {dist.get_world_size()}: pass the loss to "
            "xgraph.distributed.gathered(loss_fn), or the model to xgraph.distributed.synchronized(model)",
            stacklevel=3,
        )
