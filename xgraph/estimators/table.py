"""The state table: one row of numbers per item, updated only for the items in the batch."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor

from xgraph.checks import choice, number
from xgraph.estimators.moving_rows import Exchange, MovingRows
from xgraph.estimators.rows import check_estimate, check_rows
from xgraph.estimators.schedules import ConstantGamma, GammaSchedule, Proximal, as_schedule, check_gamma
from xgraph.storage import Storage

Gradient = Literal["straight_through", "scaled"]


class StateTable(MovingRows):
    """Base of all tables: one row of state per item.

    An update only touches the rows in its batch: O(batch) work, O(num_items) memory. All tables follow the same rules:

    - An item's first estimate is stored unchanged, not scaled by γ.
    - If an item occurs several times in a batch, its estimates are averaged and applied as one update.
    - In eval mode, or without an index, nothing is written and the estimate itself is returned.

    **Gradient.** The returned value is the state. With ``gradient="straight_through"``, its gradient is that of the
    estimates. With ``gradient="scaled"``, it is the gradient of (1 − γ) u + γ ĝ with u constant: γ times the
    straight-through gradient, or the whole of it for an item that is new or has just restarted. With γ = 1 both equal
    the gradient of the plain batch.

    **Saving.** The state consists of buffers, so ``state_dict``, ``to``, ``deepcopy`` and pickling include it. With a
    schedule for γ, ``state_dict`` includes the epoch too.

    **Precision.** Arithmetic uses the precision of the estimates, at least float32, whatever the type of the table; a
    float64 table fed with float32 estimates is no more exact than a float32 table. A 16-bit type halves the memory but
    loses updates below its resolution: a moving average stops moving once γ times its distance from the estimates is
    below 2⁻⁸ of its value in bfloat16 (2⁻¹¹ in float16). With γ = .1 and noise-free estimates, it ends up to 4 % (.5 %)
    away from them. This can be good enough for features, but not for logarithms of weights. Values beyond the range of
    the type are stored as its largest number.

    **Storage.** Rows that do not fit on the device can be kept in host memory ("host", or "pinned" for page-locked
    memory) or in an unnamed memory-mapped file ("mmap"), which the operating system caches as far as memory allows. As
    an example, one row of 256 two-byte numbers for each of the 111,059,956 nodes of ogbn-papers100M takes 57 GB on
    disk. Choose a ``folder`` on a real disk: on some systems the default folder for temporary files is in memory.

    Args:
        num_items: Number of rows.
        shape: Shape of one row; ``()`` for a single number.
        gamma: Weight of the new value, in (0, 1], or a schedule of it over epochs (see :meth:`set_epoch`).
        max_lag: How far, in log units, the state may exceed the newest estimate; ``None`` for no bound. Only for
            tables of positive quantities.
        restart_lag: A state that exceeds its newest estimate by more than this, in log units, restarts from that
            estimate (each number of a row separately); ``None`` for never. Beyond a few tens of units, an item would
            otherwise pass on no gradient for hundreds of updates.
        dtype: Storage type.
        watch: Record which items are stuck, for :meth:`monitor`. Only useful for positive quantities.
        validate: Check ``index`` and the estimates and look for duplicates, which forces a device synchronisation on a
            GPU. Without it, invalid input is undefined behaviour and the whole module compiles.
        gradient: "straight_through" or "scaled"; see above.
        storage: Where to keep the rows: "device", "pinned", "host" or "mmap".
        folder: Folder for the file of "mmap"; ``None`` for the system's folder for temporary files.
        in_checkpoint: Whether ``state_dict`` includes the table. If not, loading a state leaves the table unchanged,
            even if that state includes one.

    Attributes:
        value: ``[num_items, *shape]``, the state: a buffer, or a CPU tensor if ``storage`` is not "device".
        seen: Buffer ``[num_items]``, True for items that have been updated.
        gamma: Weight of the new value in the current epoch.
        epoch: The current epoch.
        exchange: Hook for training with several processes; ``None`` for a single process. It takes this process's
            rows ``(index, estimate)`` and returns the rows of all processes, in the same order on each, so that all
            processes write the same table. All of them must take the same number of steps. Every write goes through
            the hook, and rules such as ``max_lag`` and ``restart_lag`` see the rows of all processes.
            :func:`xgraph.distributed.synchronized` sets it for a model's tables.
        shared: Whether every process computes the same rows in any case, so that nothing has to be exchanged; set by
            :func:`xgraph.distributed.gathered` for the tables of a loss.

    Raises:
        ValueError: If ``num_items`` is below 1, ``gamma`` is outside (0, 1], a lag is not positive, ``gradient`` or
            ``storage`` is unknown, ``folder`` is given for another storage than "mmap", or the folder has too little
            free space.
        TypeError: If a number is expected and something else is given, or ``dtype`` is not a floating-point type.
    """

    skips_infinite = False
    """Whether estimates that are not finite are returned as they are, without writing; see :func:`skip_infinite`."""

    _kept = ("value", "seen", "stuck")

    _far: ClassVar[float] = math.inf
    """A lag of this size or more has no effect."""

    _proximal: ClassVar[bool] = False
    """Whether γ can be a :class:`Proximal`."""

    _hint: ClassVar[str] = ""
    """Text appended to the error about an estimate that is not finite."""

    def __init__(
        self,
        num_items: int,
        shape: tuple[int, ...] = (),
        gamma: float | GammaSchedule = 0.1,
        *,
        max_lag: float | None = None,
        restart_lag: float | None = None,
        dtype: torch.dtype = torch.float32,
        watch: bool = True,
        validate: bool = True,
        gradient: Gradient = "straight_through",
        storage: Storage = "device",
        folder: str | Path | None = None,
        in_checkpoint: bool = True,
    ) -> None:
        super().__init__(num_items, shape, dtype, storage, folder, in_checkpoint)
        self.gradient = choice("gradient", gradient, get_args(Gradient))
        self.schedule = as_schedule(gamma)
        if isinstance(gamma, Proximal) and not self._proximal:
            raise ValueError(
                f"gamma: {gamma} is a rule for logarithms of means, and {type(self).__name__} keeps none; give a "
                "number in (0, 1] or a schedule of it"
            )
        self.set_epoch(0)
        self.max_lag = self._lag("max_lag", max_lag)
        self.restart_lag = self._lag("restart_lag", restart_lag)
        self.watch = watch
        self.validate = validate
        self.exchange: Exchange | None = None
        self.shared = False
        stuck = torch.zeros(num_items if watch else 0, dtype=torch.bool)
        self.register_buffer("stuck", stuck, persistent=watch and in_checkpoint)

    def set_epoch(self, epoch: int) -> None:
        """Set γ for an epoch (counted from 0); call it at the start of each epoch if ``gamma`` is a schedule.

        Raises:
            ValueError: If the schedule returns a γ outside (0, 1].
            TypeError: If the schedule does not return a number.
        """
        self.gamma = check_gamma("gamma", self.schedule(epoch))
        self.epoch = epoch

    def reset_parameters(self) -> None:
        """Forget all items."""
        self.value.zero_()
        self.seen.zero_()
        self.stuck.zero_()

    def monitor(self) -> dict[str, float]:
        """Report how many items have been seen and how many are stuck.

        Returns:
            ``seen``, the share of items updated so far, and ``stuck``, the share of these whose state exceeded the
            newest estimate by more than 10 log units. Stuck items pass on almost no gradient (see ``max_lag``).
        """
        seen = int(self.seen.sum())
        return {"seen": seen / self.num_items, "stuck": int(self.stuck.sum()) / max(seen, 1)}

    def forward(self, estimate: Tensor, index: Tensor | None = None) -> Tensor:
        """Update the rows of a batch and return them.

        Args:
            estimate: ``[B, *shape]``, this batch's estimate for each item.
            index: ``[B]`` integers, the items' rows. ``None``: return the estimate without using the table.

        Returns:
            ``[B, *shape]``: the value is the state, the gradient is that of the batch.

        Raises:
            IndexError: If an index is negative or not below ``num_items``. Nothing is written in this case.
            ValueError: If shapes do not match or an estimate is not finite. Nothing is written in this case.
            TypeError: If ``index`` does not hold integers.
        """
        estimate = estimate.to(torch.promote_types(estimate.dtype, torch.float32))
        if index is None or not self.training:
            return estimate
        if self.skips_infinite and not bool(estimate.detach().isfinite().all()):
            if self.exchange is not None:  # all processes take part in every step, if need be with no rows
                self.write(estimate.detach()[:0], index[:0].long())
            return estimate
        duplicates = self._check(estimate, index) if self.validate else True
        return self.step(estimate, index.long(), duplicates)

    def step(
        self, estimate: Tensor, index: Tensor, duplicates: bool = True, gamma: float | Tensor | None = None
    ) -> Tensor:
        """Like :meth:`forward` in training, for a caller that has already checked ``index`` with :func:`check_rows`.

        Args:
            estimate: ``[B, *shape]``, at least float32.
            index: ``[B]``, int64.
            duplicates: False if no item occurs more than once in ``index``; this saves searching for duplicates.
            gamma: Weight of the new value in this step, in (0, 1]: a number, or ``[B]`` with one per row; an item that
                occurs several times uses the mean of its own. ``None`` for the table's own.

        Returns:
            ``[B, *shape]``: the value is the state, the gradient is that of the batch.

        Raises:
            ValueError: If ``gamma`` is outside (0, 1].
            TypeError: If ``gamma`` is neither a number nor a floating-point tensor.
        """
        fixed = estimate.detach()
        state, scale = self._write(fixed, index, duplicates, gamma)
        change = estimate - fixed
        return self._attach(state, change if scale is None else change * scale, fixed)

    def write(
        self, estimate: Tensor, index: Tensor, duplicates: bool = True, gamma: float | Tensor | None = None
    ) -> Tensor:
        """Like :meth:`step`, but without a gradient; ``estimate`` must be detached.

        Returns:
            ``[B, *shape]``, the new state.
        """
        return self._write(estimate, index, duplicates, gamma)[0]

    def _check(self, estimate: Tensor, index: Tensor) -> bool:
        """Raise if the input cannot be written; return True if an item occurs more than once in ``index``."""
        if isinstance(index, Tensor) and index.dim() != 1:
            raise ValueError(f"index must have the shape [B], got {list(index.shape)}")
        duplicates = check_rows(index, self.num_items)
        check_estimate(estimate.detach(), (len(index), *self.shape), self._hint)
        return duplicates

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        if not isinstance(self.schedule, ConstantGamma | Proximal):
            destination[prefix + "epoch"] = torch.tensor(self.epoch)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        epoch = state_dict.pop(prefix + "epoch", None)  # state_dict is a copy; a constant γ saves no epoch
        if self.watch and self.in_checkpoint:
            state_dict.setdefault(prefix + "stuck", self.stuck)  # earlier versions did not save it
        super()._load_from_state_dict(state_dict, prefix, *rest)
        if epoch is not None:
            self.set_epoch(int(epoch))

    def _lag(self, name: str, lag: float | None) -> float | None:
        return None if lag is None or number(name, lag, 0, math.inf, "(]") >= self._far else float(lag)

    def extra_repr(self) -> str:
        """Describe the table's size and settings."""
        lags = (("max_lag", self.max_lag), ("restart_lag", self.restart_lag))
        tail = "".join(f", {name}={lag:g}" for name, lag in lags if lag is not None)
        words = (("gradient", self.gradient, "straight_through"), ("storage", self.storage, "device"))
        tail += "".join(f", {name}={word}" for name, word, usual in words if word != usual)
        return f"num_items={self.num_items}, shape={self.shape}, gamma={self.schedule}{tail}"
