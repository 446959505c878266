"""The base class of all losses: checks of shapes, devices and indices, precision, and loading of a state."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from xgraph.checks import integer
from xgraph.estimators import StateTable, check_rows
from xgraph.estimators.infinite import infinite
from xgraph.losses.batch import Batch, check_numbers, check_values, check_weight, within_limit

Link = Literal["sigmoid", "softmax", "identity"]

RESTART_LAG = 50.0
"""A logarithm 50 above its newest estimate passes on no gradient in float32, so the item restarts."""

TASK_RESTART_LAG = 20.0
"""The same limit for states shared by all items of a task: at this lag, all their gradients are scaled by e⁻²⁰."""

STRAY = math.exp(5)
"""A state this many times above the newest losses would take very long to recover, so the item restarts."""


class Loss(nn.Module):
    """Base class of all losses: maps ``(logits, target, index)`` to a scalar.

    The base class checks shapes, devices, labels and indices, computes in float32 or wider, and refuses a
    ``state_dict`` of another size. To write your own loss, implement ``_loss(batch)``. It gets ``batch.scores``,
    ``batch.positive`` and ``batch.negative``, each ``[B, T]``, and ``batch.items``, the ``[B]`` positions in the
    data set (``None`` without an index). If the class sets ``takes_weights``, also ``batch.weight``, ``[B]`` or
    ``None``. If its link is "identity", the targets are numbers: ``batch.numbers`` and ``batch.known``. It returns a
    scalar, or ``None`` if no label contributes.

    Args:
        num_items: Size of the data set that ``index`` refers to.
        num_tasks: T, the number of label columns.

    Raises:
        ValueError: If either is below 1.
        TypeError: If either is not an integer.

    Example:
        >>> class Mean(Loss):
        ...     def _loss(self, batch):
        ...         return (batch.scores * batch.negative).mean()
        >>> Mean(num_items=3)(torch.tensor([2.0, 1.0]), torch.tensor([1.0, 0.0]))
        tensor(0.5000)
    """

    sampler: ClassVar[Literal["dual", "shuffle", "group"]] = "dual"
    """The default sampler: "dual" (a fixed number of positives per batch), "shuffle", or "group" (several groups)."""

    link: Link = "sigmoid"
    """What logits are: "sigmoid" or "softmax" if these make scores in [0, 1] of them, for each logit or over an item's
    classes; "identity" if they are predicted numbers, and the targets are numbers rather than labels."""

    one_stage: ClassVar[bool] = False
    """Whether it is a form of cross-entropy, which no stage of cross-entropy has to precede."""

    takes_weights: ClassVar[bool] = False
    """Whether an item's part of the loss can be multiplied by a weight."""

    skips_infinite = False
    """Whether logits that are not finite give an infinite loss; see :func:`xgraph.estimators.skip_infinite`."""

    recipe: ClassVar[Mapping[str, object]] = {}
    """Defaults of ``xgraph train`` that differ from those of the class."""

    of_numbers: ClassVar[Mapping[str, object]] = {}
    """Options with which a loss of labels becomes one of numbers; empty if there are none."""

    def __init__(self, num_items: int, num_tasks: int = 1) -> None:
        super().__init__()
        self.num_items = integer("num_items", num_items)
        self.num_tasks = integer("num_tasks", num_tasks)
        self.register_load_state_dict_pre_hook(check_state)  # type: ignore[no-untyped-call]

    def forward(
        self, logits: Tensor, target: Tensor, index: Tensor | None = None, weight: Tensor | None = None
    ) -> Tensor:
        """Compute the loss of one batch.

        Args:
            logits: ``[B]`` or ``[B, T]`` raw scores.
            target: Labels of the same shape: 0, 1 or NaN (missing). For losses of numbers, numbers or NaN.
            index: ``[B]`` positions of the items in the data set. Losses with state need it in training.
            weight: ``[B]`` weights of the items, 0 or more. An item's part of the loss is multiplied by its weight; in
                pair losses that is the part of a positive, whose mean over negatives is a weighted mean. Not all losses
                take weights: see ``takes_weights``.

        Returns:
            A scalar. If no task contributes, the result is 0 and all gradients are zero.

        Raises:
            ValueError: If shapes or devices do not match, a label is not 0, 1 or NaN, a logit is not finite or beyond
                ±1e15, a weight is negative or not finite, or the loss takes no weights. No state is written in this
                case. With :func:`xgraph.estimators.skip_infinite`, such logits give an infinite loss.
            IndexError: If an index is negative or not below ``num_items``. No state is written in this case.
            TypeError: If ``logits`` is not a floating-point tensor, or ``index`` is not an integer tensor.
        """
        if self.skips_infinite and not within_limit(logits):
            self._check(torch.zeros_like(logits), target, index, weight)
            return infinite(logits)
        batch = self._check(logits, target, index, weight)
        device = logits.device.type
        if torch.is_autocast_enabled(device):
            with torch.autocast(device, enabled=False):
                loss = self._loss(batch)
        else:
            loss = self._loss(batch)
        return batch.scores[:0].sum() if loss is None else loss

    def _loss(self, batch: Batch) -> Tensor | None:
        """Compute the loss of a checked batch; return ``None`` if nothing contributes."""
        raise NotImplementedError

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch (counted from 0) of the γ schedules; call it at the start of each epoch."""
        for module in self.modules():
            if isinstance(module, StateTable):
                module.set_epoch(epoch)

    def monitor(self) -> dict[str, float]:
        """Return figures to log during training.

        Returns:
            ``objective``, the tracked estimate of the objective (NaN before the first batch), and for losses with
            state the figures of :meth:`xgraph.estimators.StateTable.monitor`. Empty for losses without state.
        """
        return {}

    def extra_repr(self) -> str:
        """Describe the sizes."""
        return f"num_items={self.num_items}, num_tasks={self.num_tasks}"

    def _check(
        self, logits: Tensor, target: Tensor, index: Tensor | None = None, weight: Tensor | None = None
    ) -> Batch:
        for name, value in (("logits", logits), ("target", target)):
            if not isinstance(value, Tensor):
                raise TypeError(f"{name} must be a tensor, got {type(value).__name__}")
        if not logits.is_floating_point():
            raise TypeError(f"logits must be floating-point numbers, got {logits.dtype}")
        scores = self._columns("logits", logits)
        labels = self._columns("target", target)
        if scores.shape != labels.shape:
            raise ValueError(f"target must have the shape of logits {list(logits.shape)}, got {list(target.shape)}")
        if weight is not None and not self.takes_weights:
            raise ValueError(f"weight: {type(self).__name__} cannot weight items")
        self._check_devices(logits=logits, target=target, index=index, weight=weight)
        scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
        batch = self._labelled(scores, labels)
        if index is not None:
            batch.duplicates = self._check_index(index, len(scores))
            batch.items = index.long()
        if weight is not None:
            batch.weight = check_weight(weight, scores)
        return batch

    def _labelled(self, scores: Tensor, labels: Tensor) -> Batch:
        """Return the batch of ``[B, T]`` scores and labels after checking their values."""
        if self.link == "identity":
            labels = labels if labels.is_floating_point() else labels.to(scores.dtype)
            _check_numbers(scores.detach(), labels)
            return Batch.of_numbers(scores, labels)
        batch = Batch(scores, labels == 1, labels == 0)
        if len(scores):
            _check_values(scores.detach(), labels, batch)
        return batch

    def _check_devices(self, **tensors: Tensor | None) -> None:
        """Raise unless all tensors, and the state if there is any, are on one device."""
        devices = {name: value.device for name, value in tensors.items() if isinstance(value, Tensor)}
        for table in self._modules.values():  # children() would be slower than the rest of this method
            if isinstance(table, StateTable):
                devices["the loss"] = table.seen.device
                break
        if len(set(devices.values())) > 1:
            got = ", ".join(f"{name} on {device}" for name, device in devices.items())
            raise ValueError(f"all tensors must be on one device, got {got}; move the loss with .to(device)")

    def _columns(self, name: str, values: Tensor) -> Tensor:
        columns = values.unsqueeze(1) if values.dim() == 1 else values
        if columns.dim() != 2 or columns.shape[1] != self.num_tasks:
            expected = "[B] or [B, 1]" if self.num_tasks == 1 else f"[B, {self.num_tasks}]"
            raise ValueError(f"{name} must have the shape {expected}, got {list(values.shape)}")
        return columns

    def _check_index(self, index: Tensor, length: int) -> bool:
        if isinstance(index, Tensor) and index.shape != (length,):
            expected = f"[{length}], one position per row of logits"
            raise ValueError(f"index must have the shape {expected}, got {list(index.shape)}")
        hint = "; index is the item's position in the data set, not in the batch"
        once = any(isinstance(table, StateTable) for table in self._modules.values())
        return check_rows(index, self.num_items, hint, once=once)


def _check_values(scores: Tensor, labels: Tensor, batch: Batch) -> None:
    """Check labels and scores, outside of compiled graphs."""
    if torch.compiler.is_compiling() or "torch._dynamo" in sys.modules:
        from xgraph.losses import uncompiled

        uncompiled.check_values(scores, labels, batch)
    else:
        check_values(scores, labels, batch)


def _check_numbers(scores: Tensor, targets: Tensor) -> None:
    """Check targets and predictions, outside of compiled graphs."""
    if torch.compiler.is_compiling() or "torch._dynamo" in sys.modules:
        from xgraph.losses import uncompiled

        uncompiled.check_numbers(scores, targets)
    else:
        check_numbers(scores, targets)


def check_state(loss_fn: nn.Module, state: Mapping[str, Any], prefix: str, *_: object) -> None:
    """Reject a mismatched state before loading; PyTorch would first load the tensors that match and then raise."""
    kind, table = type(loss_fn).__name__, loss_fn.state_dict()
    saved = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    names = {name for name in table.keys() ^ saved.keys() if name.rpartition(".")[2] != "epoch"}
    names -= {name for name in table if name.endswith(".stuck")}  # earlier versions did not save it
    if saved and names:
        missing, unknown = sorted(names & table.keys()), sorted(names - table.keys())
        raise RuntimeError(f"state_dict does not match this {kind}: missing keys {missing}, unexpected keys {unknown}")
    for name in table.keys() & saved.keys():
        own, other = table[name], saved[name]
        if not isinstance(other, Tensor):
            raise RuntimeError(f"state_dict of {kind} must hold tensors, got {type(other).__name__} for {name}")
        if other.shape != own.shape:
            raise RuntimeError(
                f"size mismatch for {name}: expected shape {list(own.shape)} for this {kind}, got {list(other.shape)} "
                f"in state_dict; {getattr(loss_fn, 'sizes', 'num_items or num_tasks')} differ"
            )
