"""The base of all losses: shapes, devices, indices, precision and the loading of a state."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from xgraph.checks import integer
from xgraph.estimators import StateTable, check_rows
from xgraph.losses.batch import Batch, check_values

RESTART_LAG = 50.0
"""A logarithm 50 above its newest estimate passes on no gradient in float32: its item restarts."""

TASK_RESTART_LAG = 20.0
"""The same where one state that lags silences all items of its task, at this lag by e⁻²⁰."""

STRAY = math.exp(5)
"""A state so many times above the newest losses would take very long to come down: its item restarts."""


class Loss(nn.Module):
    """Base of all losses: maps ``(logits, target, index)`` to a scalar.

    Args:
        num_items: Size of the data set that ``index`` points into.
        num_tasks: T, the number of label columns.

    Raises:
        ValueError: If either is below 1.
        TypeError: If either is no integer.

    Example:
        >>> class Mean(Loss):  # a loss of one's own
        ...     def _loss(self, batch):
        ...         return (batch.scores * batch.negative).mean()
        >>> Mean(num_items=3)(torch.tensor([2.0, 1.0]), torch.tensor([1.0, 0.0]))
        tensor(0.5000)
    """

    sampler: ClassVar[Literal["dual", "shuffle", "group"]] = "dual"
    """The batches it trains on by default: a fixed number of positives, shuffled items, or several groups."""

    link: ClassVar[Literal["sigmoid", "softmax"]] = "sigmoid"
    """How logits become scores in [0, 1]: each by itself, or all classes of an item together."""

    recipe: ClassVar[Mapping[str, object]] = {}
    """Options for which `xgraph train` has another default than the class."""

    def __init__(self, num_items: int, num_tasks: int = 1) -> None:
        super().__init__()
        self.num_items = integer("num_items", num_items)
        self.num_tasks = integer("num_tasks", num_tasks)
        self.register_load_state_dict_pre_hook(_check_state)  # type: ignore[no-untyped-call]

    def forward(self, logits: Tensor, target: Tensor, index: Tensor | None = None) -> Tensor:
        """The loss of one batch.

        Args:
            logits: ``[B]`` or ``[B, T]`` raw scores.
            target: The same shape; 0, 1 or NaN (missing).
            index: ``[B]`` positions of the items in the data set. Losses with state need it in training.

        Returns:
            A scalar. A batch in which no task contributes gives 0 and zero gradients.

        Raises:
            ValueError: If shapes or devices do not fit, a label is not 0, 1 or NaN, or a logit is not finite or
                beyond ±1e15. No state has been written then.
            IndexError: If an index is negative or not below ``num_items``. No state has been written then.
            TypeError: If logits are not a tensor of floating-point numbers, or ``index`` not one of integers.
        """
        batch = self._check(logits, target, index)
        device = logits.device.type
        if torch.is_autocast_enabled(device):
            with torch.autocast(device, enabled=False):
                loss = self._loss(batch)
        else:
            loss = self._loss(batch)
        return batch.scores[:0].sum() if loss is None else loss

    def _loss(self, batch: Batch) -> Tensor | None:
        """The loss of a checked batch; ``None`` if nothing contributes."""
        raise NotImplementedError

    def set_epoch(self, epoch: int) -> None:
        """Tell the γ schedules which epoch (counted from 0) begins."""
        for module in self.modules():
            if isinstance(module, StateTable):
                module.set_epoch(epoch)

    def monitor(self) -> dict[str, float]:
        """What to watch in training.

        Returns:
            ``objective``: The tracked estimate of what is minimised, NaN before the first batch; for losses with
            state also what :meth:`xgraph.estimators.StateTable.monitor` reports. Losses without state: nothing.
        """
        return {}

    def extra_repr(self) -> str:
        """The sizes."""
        return f"num_items={self.num_items}, num_tasks={self.num_tasks}"

    def _check(self, logits: Tensor, target: Tensor, index: Tensor | None) -> Batch:
        for name, value in (("logits", logits), ("target", target)):
            if not isinstance(value, Tensor):
                raise TypeError(f"{name} must be a tensor, got {type(value).__name__}")
        if not logits.is_floating_point():
            raise TypeError(f"logits must be floating-point numbers, got {logits.dtype}")
        scores = self._columns("logits", logits)
        labels = self._columns("target", target)
        if scores.shape != labels.shape:
            raise ValueError(f"target must have the shape of logits {list(logits.shape)}, got {list(target.shape)}")
        self._check_devices(logits=logits, target=target, index=index)
        scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
        batch = Batch(scores, labels == 1, labels == 0)
        if len(scores):
            _check_values(scores.detach(), labels, batch)
        if index is not None:
            batch.duplicates = self._check_index(index, len(scores))
            batch.items = index.long()
        return batch

    def _check_devices(self, **tensors: Tensor | None) -> None:
        """Raise unless all tensors are on the device of the states, if the loss has any."""
        devices = {name: value.device for name, value in tensors.items() if isinstance(value, Tensor)}
        for table in self._modules.values():  # children() takes longer than all the rest
            if isinstance(table, StateTable):
                devices["the loss"] = table.seen.device
                break
        if len(set(devices.values())) > 1:
            got = ", ".join(f"{name} on {device}" for name, device in devices.items())
            raise ValueError(f"everything must be on one device, got {got}; a loss moves by .to(device)")

    def _columns(self, name: str, values: Tensor) -> Tensor:
        columns = values.unsqueeze(1) if values.dim() == 1 else values
        if columns.dim() != 2 or columns.shape[1] != self.num_tasks:
            expected = "[B] or [B, 1]" if self.num_tasks == 1 else f"[B, {self.num_tasks}]"
            raise ValueError(f"{name} must have the shape {expected}, got {list(values.shape)}")
        return columns

    def _check_index(self, index: Tensor, length: int) -> bool:
        if isinstance(index, Tensor) and index.shape != (length,):
            expected = f"[{length}], one for each row of logits"
            raise ValueError(f"index must have the shape {expected}, got {list(index.shape)}")
        hint = "; it is the item's position in the data set, not in the batch"
        return check_rows(index, self.num_items, hint)


def _check_values(scores: Tensor, labels: Tensor, batch: Batch) -> None:
    """Check labels and scores, outside of compiled graphs."""
    if torch.compiler.is_compiling() or "torch._dynamo" in sys.modules:
        from xgraph.losses import uncompiled

        uncompiled.check_values(scores, labels, batch)
    else:
        check_values(scores, labels, batch)


def _check_state(loss_fn: nn.Module, state: Mapping[str, Any], prefix: str, *_: object) -> None:
    """Refuse a state that does not fit as a whole: PyTorch would load the tensors that do and then raise."""
    kind, table = type(loss_fn).__name__, loss_fn.state_dict()
    saved = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    names = {name for name in table.keys() ^ saved.keys() if name.rpartition(".")[2] != "epoch"}
    names -= {name for name in table if name.endswith(".stuck")}  # states of earlier versions have none
    if saved and names:
        missing, unknown = sorted(names & table.keys()), sorted(names - table.keys())
        raise RuntimeError(f"the state is not that of this {kind}: it lacks {missing} and has {unknown} instead")
    for name in table.keys() & saved.keys():
        own, other = table[name], saved[name]
        if not isinstance(other, Tensor):
            raise RuntimeError(f"the state of this {kind} must hold tensors, got {type(other).__name__} for {name}")
        if other.shape != own.shape:
            raise RuntimeError(
                f"size mismatch: the state has {name} of shape {list(other.shape)}, this {kind} "
                f"of {list(own.shape)}; num_items or num_tasks differ"
            )
