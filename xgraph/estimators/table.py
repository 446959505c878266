"""The state table: one row of numbers for every item, moved only where a batch touches it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor

from xgraph.checks import choice, number
from xgraph.estimators.moving_rows import Exchange, MovingRows
from xgraph.estimators.rows import check_estimate, check_rows
from xgraph.estimators.schedules import ConstantGamma, GammaSchedule, as_schedule, check_gamma
from xgraph.storage import Storage

Gradient = Literal["straight_through", "scaled"]


class StateTable(MovingRows):
    """A row of state for every item; base of :class:`MovingAverage` and :class:`LogMovingAverage`.

    A step touches only the rows in its batch: O(batch) work, O(num_items) memory. The rules, common to all
    tables: an item's first estimate is taken as it is, not scaled by γ; the same item several times in a batch
    is the mean of its estimates and one update; in eval mode, or without an index, nothing is written and the
    estimate itself comes back.

    The value returned is the state. Its gradient is that of the estimates, for "straight_through"; with "scaled" it
    is what (1 − γ) u + γ ĝ gives when differentiated as written, u being a constant: γ times the other, and the same
    for an item that is new or starts anew. With γ = 1 both are that of the plain batch.

    The state is declared as buffers, so that ``state_dict``, ``to``, ``deepcopy`` and pickling carry it; with a
    schedule of γ, ``state_dict`` carries the epoch too. Arithmetic has the precision of the estimates, float32 at
    least, whatever that of the table: a float64 table of float32 estimates is as exact as a float32 one. A narrow type
    takes half the memory and forgets steps below its resolution: a moving average stays where it is once γ times its
    distance from the estimates is below 2⁻⁸ of it in bfloat16 (2⁻¹¹ in float16); for γ = .1 and estimates without
    noise, it ends up to 4 % (.5 %) away from them. That may do for features; logarithms of weights need more. What lies
    beyond the range of the type is kept as its largest number.

    Rows that do not fit on the device may lie in host memory ("host", or page-locked: "pinned"), or in a file without a
    name that is mapped into memory ("mmap"), of which the system keeps in memory what it can: a row for each of the
    111,059,956 nodes of ogbn-papers100M, 256 numbers of 2 bytes, takes 57 GB of disk. The folder should be on a disk;
    on some systems the usual one for temporary files is in memory.

    Args:
        num_items: Number of rows.
        shape: Shape of one row; ``()`` for a single number.
        gamma: Weight of the new value, in (0, 1], or a schedule of it over epochs (see :meth:`set_epoch`).
        max_lag: How far, in log units, the state may stay above the newest estimate; ``None`` = without bound.
            For tables of positive quantities only.
        restart_lag: A state that lies further than this above its newest estimate, in log units, starts anew with
            that estimate (each number of a row by itself); ``None`` = never. Beyond some tens of units an item would
            pass on no gradient for hundreds of touches.
        dtype: Storage type.
        watch: Record which items are stuck, for `monitor`; of use for positive quantities only.
        validate: Check the index and the estimates and look for duplicates, which costs a host synchronisation
            on a GPU. Without it bad input is undefined behaviour, and the whole module compiles.
        gradient: "straight_through", or "scaled" by γ.
        storage: Where the rows lie: "device", "pinned", "host" or "mmap".
        folder: Where the file of "mmap" lies; ``None`` = the system's folder for temporary files.
        in_checkpoint: Whether ``state_dict`` holds the table. If not, loading leaves it as it is, and a table that
            the loaded state holds is passed over.

    Attributes:
        value: ``[num_items, *shape]``, the state; a buffer, or with other storage than "device" a tensor on the CPU.
        seen: Buffer ``[num_items]``, True for items that were touched.
        gamma: The weight of the new value in this epoch.
        epoch: The epoch that ``gamma`` belongs to.
        exchange: Hook for training in several processes. It takes this process's rows ``(index, estimate)`` and
            returns those of all of them, in the same order everywhere, so that every process writes the same table;
            ``None`` = one process. All processes must step as often. Every write goes through it, and what a rule
            such as ``max_lag`` or ``restart_lag`` decides, it decides on the rows of all. Means over a batch that
            are not kept in a table, such as what losses report in `monitor`, remain those of one process.

    Raises:
        ValueError: If ``num_items`` < 1, ``gamma`` lies outside (0, 1], a lag is not positive, ``gradient`` or
            ``storage`` is another word, ``folder`` is given where it is not used, or it has no room for the table.
        TypeError: If one of them is not a number, or ``dtype`` is not a floating-point type.
    """

    _kept = ("value", "seen", "stuck")

    _far: ClassVar[float] = math.inf
    """Lags from here on are the same as none."""

    _hint: ClassVar[str] = ""
    """Appended to the error about an estimate that is not finite."""

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
        self.set_epoch(0)
        self.max_lag = self._lag("max_lag", max_lag)
        self.restart_lag = self._lag("restart_lag", restart_lag)
        self.watch = watch
        self.validate = validate
        self.exchange: Exchange | None = None
        stuck = torch.zeros(num_items if watch else 0, dtype=torch.bool)
        self.register_buffer("stuck", stuck, persistent=watch and in_checkpoint)

    def set_epoch(self, epoch: int) -> None:
        """Tell the γ schedule which epoch (counted from 0) begins.

        Raises:
            ValueError: If the schedule gives a γ outside (0, 1].
            TypeError: If it gives no number.
        """
        self.gamma = check_gamma("gamma", self.schedule(epoch))
        self.epoch = epoch

    def reset_parameters(self) -> None:
        """Forget all items."""
        self.value.zero_()
        self.seen.zero_()
        self.stuck.zero_()

    def monitor(self) -> dict[str, float]:
        """What the table has seen: shares of its items.

        Returns:
            ``seen``: the share of items touched so far; ``stuck``: the share of those whose state lay more than
            10 in log units above their newest estimate. Stuck items pass on almost no gradient (see ``max_lag``).
        """
        seen = int(self.seen.sum())
        return {"seen": seen / self.num_items, "stuck": int(self.stuck.sum()) / max(seen, 1)}

    def forward(self, estimate: Tensor, index: Tensor | None = None) -> Tensor:
        """Move the touched rows and return them.

        Args:
            estimate: ``[B, *shape]``, this batch's estimate for each item.
            index: ``[B]`` integers, the items' rows. ``None`` = no state.

        Returns:
            ``[B, *shape]``: the value is the state, the gradient is the batch's.

        Raises:
            IndexError: If an index is negative or not below ``num_items``; nothing has been written then.
            ValueError: If the shapes do not fit or an estimate is not finite; nothing has been written then.
            TypeError: If ``index`` does not hold integers.
        """
        estimate = estimate.to(torch.promote_types(estimate.dtype, torch.float32))
        if index is None or not self.training:
            return estimate
        duplicates = self._check(estimate, index) if self.validate else True
        return self.step(estimate, index.long(), duplicates)

    def step(self, estimate: Tensor, index: Tensor, duplicates: bool = True, gamma: float | None = None) -> Tensor:
        """The same in training, for a caller who has checked ``index`` with :func:`check_rows` already.

        Args:
            estimate: ``[B, *shape]``, float32 at least.
            index: ``[B]``, int64.
            duplicates: False if no item stands more than once in ``index``, which saves the search.
            gamma: The weight of the new value in this step, in (0, 1]; ``None`` = that of the table.

        Returns:
            ``[B, *shape]``.

        Raises:
            ValueError: If ``gamma`` lies outside (0, 1].
            TypeError: If it is no number.
        """
        fixed = estimate.detach()
        state, scale = self._write(fixed, index, duplicates, gamma)
        change = estimate - fixed
        return self._attach(state, change if scale is None else change * scale, fixed)

    def write(self, estimate: Tensor, index: Tensor, duplicates: bool = True, gamma: float | None = None) -> Tensor:
        """The same without a gradient: arguments and errors are those of :meth:`step`, ``estimate`` is detached.

        Returns:
            ``[B, *shape]``, the new state.
        """
        return self._write(estimate, index, duplicates, gamma)[0]

    def _check(self, estimate: Tensor, index: Tensor) -> bool:
        """Raise on what cannot be written; True if an item stands more than once in ``index``."""
        if isinstance(index, Tensor) and index.dim() != 1:
            raise ValueError(f"index must have the shape [B], got {list(index.shape)}")
        duplicates = check_rows(index, self.num_items)
        check_estimate(estimate.detach(), (len(index), *self.shape), self._hint)
        return duplicates

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        if not isinstance(self.schedule, ConstantGamma):
            destination[prefix + "epoch"] = torch.tensor(self.epoch)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        epoch = state_dict.pop(prefix + "epoch", None)  # of a copy; states of a constant γ have none
        if self.watch and self.in_checkpoint:
            state_dict.setdefault(prefix + "stuck", self.stuck)  # states of earlier versions have none
        super()._load_from_state_dict(state_dict, prefix, *rest)
        if epoch is not None:
            self.set_epoch(int(epoch))

    def _lag(self, name: str, lag: float | None) -> float | None:
        return None if lag is None or number(name, lag, 0, math.inf, "(]") >= self._far else float(lag)

    def extra_repr(self) -> str:
        """The table's size and settings."""
        lags = (("max_lag", self.max_lag), ("restart_lag", self.restart_lag))
        tail = "".join(f", {name}={lag:g}" for name, lag in lags if lag is not None)
        words = (("gradient", self.gradient, "straight_through"), ("storage", self.storage, "device"))
        tail += "".join(f", {name}={word}" for name, word, usual in words if word != usual)
        return f"num_items={self.num_items}, shape={self.shape}, gamma={self.schedule}{tail}"
