"""What all losses share: checks, missing labels, several tasks at once, precision."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from xgraph.checks import integer
from xgraph.estimators import StateTable, check_rows

FEW = 256
"""Up to so many labels and scores are checked without tensor operations."""


LIMIT = 1e15
"""Logits beyond it would overflow float32 in the surrogates; training has diverged long before."""


@dataclass
class Batch:
    """One checked batch. ``B`` items, ``T`` tasks; everything float32 at least.

    Attributes:
        scores: ``[B, T]`` logits, with gradient.
        positive: ``[B, T]``, label is 1.
        negative: ``[B, T]``, label is 0; a missing label is neither.
        items: ``[B]`` positions in the data set, or ``None`` if no state is wanted.
        duplicates: True if an item stands more than once in ``items``.
    """

    scores: Tensor
    positive: Tensor
    negative: Tensor
    items: Tensor | None = None
    duplicates: bool = False

    @cached_property
    def known(self) -> Tensor:
        """``[B, T]``, the label is not missing."""
        return self.positive | self.negative

    @cached_property
    def single_negatives(self) -> Tensor:
        """``[N]``, positions of the negatives, if there is one task."""
        return self.negative.view(-1).nonzero().view(-1)


class Loss(nn.Module):
    """Base of all losses.

    Args:
        num_items: size of the data set that ``index`` points into.
        num_tasks: T, the number of label columns.

    Raises:
        ValueError: if either is below 1.
        TypeError: if either is no integer.
    """

    sampler: ClassVar[Literal["dual", "shuffle", "group"]] = "dual"
    """The batches it trains on by default: with a fixed number of positives, simply shuffled, or some groups."""

    link: ClassVar[Literal["sigmoid", "softmax"]] = "sigmoid"
    """How logits become scores between 0 and 1: each by itself, or all classes of an item together."""

    recipe: ClassVar[Mapping[str, object]] = {}
    """What `xgraph train` takes for its options where that differs from the defaults here."""

    def __init__(self, num_items: int, num_tasks: int = 1) -> None:
        super().__init__()
        self.num_items = integer("num_items", num_items)
        self.num_tasks = integer("num_tasks", num_tasks)
        self.register_load_state_dict_pre_hook(_check_state)  # type: ignore[no-untyped-call]

    def forward(self, logits: Tensor, target: Tensor, index: Tensor | None = None) -> Tensor:
        """The loss of one batch.

        Args:
            logits: ``[B]`` or ``[B, T]`` raw scores.
            target: same shape; 0, 1 or NaN (missing).
            index: ``[B]`` positions of the items in the data set. Losses with state need it in training.

        Returns:
            A scalar. A batch in which no task contributes gives 0 and zero gradients.

        Raises:
            ValueError: if shapes or devices do not fit, a label is not 0, 1 or NaN, or a logit is not finite or
                beyond ±1e15. No state has been written then.
            IndexError: if an index is negative or not below ``num_items``. No state has been written then.
            TypeError: if logits are not a tensor of floating-point numbers, or ``index`` not one of integers.
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
            ``objective``: the tracked estimate of what is minimised, NaN before the first batch; beside it, where
            items have states, what :meth:`xgraph.estimators.StateTable.monitor` says of them. Losses without
            state have nothing to report.
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

    def _check_devices(self, **given: Tensor | None) -> None:
        """Raise unless the tensors are where the states are. A loss without states is anywhere."""
        places = {name: value.device for name, value in given.items() if isinstance(value, Tensor)}
        for table in self._modules.values():  # children() takes longer than all the rest
            if isinstance(table, StateTable):
                places["the loss"] = table.seen.device
                break
        if len(set(places.values())) > 1:
            got = ", ".join(f"{name} on {place}" for name, place in places.items())
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


def _check_state(loss_fn: nn.Module, state: Mapping[str, Any], prefix: str, *_: object) -> None:
    """Refuse a state that does not fit as a whole: PyTorch would load the tensors that do and then raise."""
    kind, table = type(loss_fn).__name__, loss_fn.state_dict()
    given = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    names = {name for name in table.keys() ^ given.keys() if name.rpartition(".")[2] != "epoch"}
    names -= {name for name in table if name.endswith(".stuck")}  # states of earlier versions have none
    if given and names:
        missing, strange = sorted(names & table.keys()), sorted(names - table.keys())
        raise RuntimeError(f"the state is not that of this {kind}: it lacks {missing} and has {strange} instead")
    for name in table.keys() & given.keys():
        own, other = table[name], given[name]
        if not isinstance(other, Tensor):
            raise RuntimeError(f"the state of this {kind} must hold tensors, got {type(other).__name__} for {name}")
        if other.shape != own.shape:
            raise RuntimeError(
                f"size mismatch: the state has {name} of shape {list(other.shape)}, this {kind} "
                f"of {list(own.shape)}; num_items or num_tasks differ"
            )


@torch.compiler.disable  # type: ignore[untyped-decorator]  # it branches on values, and would be compiled anew for each size
def _check_values(scores: Tensor, labels: Tensor, batch: Batch) -> None:
    """Raise if a label is not 0, 1 or NaN, or a score is not finite."""
    if scores.numel() <= FEW:  # Python's own loops are faster than the dispatch of a few operations
        plain = labels.dtype == torch.bool or {0.0, 1.0}.issuperset(labels.flatten().tolist())
        values = scores.flatten().tolist()
        sound = math.isfinite(sum(values)) and min(values) >= -LIMIT and max(values) <= LIMIT
    else:
        plain = bool(batch.known.all())
        sound = torch.linalg.vector_norm(scores, math.inf).item() <= LIMIT
    if not plain:
        strange = (batch.known | labels.isnan()).logical_not_().nonzero().tolist()
        if strange:
            row, task = strange[0]
            raise ValueError(f"target must be 0, 1 or NaN (missing), got {labels[row, task].item():g} in row {row}")
    if not sound:
        refuse("logits", scores)


def refuse(name: str, values: Tensor) -> None:
    """Raise the error about the first value that is not finite or beyond `LIMIT`, if there is one."""
    strange = (values.detach().abs() <= LIMIT).logical_not_().nonzero()
    if len(strange):
        row, task = strange[0].tolist()
        value = values[row, task].item()
        expected = f"lie within ±{LIMIT:g}" if math.isfinite(value) else "be finite"
        raise ValueError(f"{name} must {expected}, got {value} in row {row}")
