"""Which items of a batch are compared: positives are anchors, negatives of the same task are their opponents."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from xgraph.losses.batch import Batch


class Anchors(NamedTuple):
    """The R contributing positives: (item, task) pairs of tasks that have both classes, sorted by task."""

    cell: Tensor  # task · B + item: positions in the transposed scores
    item: Tensor  # positions in the batch
    task: Tensor | None  # None for a single task
    weight: Tensor | None  # equal for all tasks and, but for weights of items, for a task's positives; None: uniform

    @classmethod
    def from_batch(cls, batch: Batch) -> Anchors:
        size, num_tasks = batch.scores.shape
        if num_tasks == 1:  # a third of the operations of the general path, which matters for small batches
            item = batch.positive.view(-1).nonzero().view(-1)
            item = item if len(batch.single_negatives) else item[:0]
            if batch.weight is None:
                return cls(item, item, None, None)
            weight = batch.weight[item] / max(len(item), 1)
            item, weight = item[weight > 0], weight[weight > 0]
            return cls(item, item, None, weight)
        positives = batch.positive.sum(0, dtype=batch.scores.dtype)
        contributing = batch.negative.any(0).logical_and_(positives)
        task, item = (batch.positive & contributing).t().nonzero().unbind(1)
        weight = positives.mul_(contributing.sum()).reciprocal_().index_select(0, task)
        if batch.weight is not None:
            weight = weight * batch.weight[item]
            used = weight > 0
            item, task, weight = item[used], task[used], weight[used]
        return cls(torch.add(item, task, alpha=size), item, task, weight)

    def mean(self, values: Tensor) -> Tensor:
        """Reduce ``[R]`` values to a scalar: the mean over tasks of the mean over each task's anchors."""
        return values.mean() if self.weight is None else torch.dot(self.weight, values)

    def rows(self, index: Tensor, num_tasks: int) -> Tensor:
        """Return the anchors' rows, ``[R]``, in a table with one row per (item, task) pair."""
        rows = index.index_select(0, self.item)
        return rows if self.task is None else torch.add(self.task, rows, alpha=num_tasks)

    def select(self, mask: Tensor) -> Anchors:
        """Return the anchors selected by a boolean mask ``[R]``, without weights."""
        return Anchors(self.cell[mask], self.item[mask], None if self.task is None else self.task[mask], None)

    def by_task(self) -> Tasks:
        """Group the anchors by task."""
        if self.task is None:
            return Tasks(self.item.new_zeros(1), None, None)
        return Tasks(*torch.unique_consecutive(self.task, return_inverse=True, return_counts=True))


class Tasks(NamedTuple):
    """The C contributing tasks, and which of them each anchor belongs to."""

    task: Tensor  # [C], columns of the scores
    slot: Tensor | None  # [R], each anchor's position in `task`; None for a single task
    anchors: Tensor | None  # [C], number of anchors of each task; None for a single task

    def spread(self, values: Tensor) -> Tensor:
        """Give each anchor the value of its task: ``[C]`` to ``[R]``, or to ``[1]`` for a single task."""
        return values if self.slot is None else values.index_select(0, self.slot)

    def mean(self, values: Tensor) -> Tensor:
        """Average over each task's anchors: ``[R]`` to ``[C]``."""
        if self.slot is None or self.anchors is None:
            return values.mean(0, keepdim=True)
        return values.new_zeros(len(self.task)).index_add(0, self.slot, values) / self.anchors

    def over_all(self, values: Tensor) -> Tensor:
        """Average over the tasks: ``[C]`` to a scalar."""
        return values.squeeze(0) if self.slot is None else values.mean()

    def log_mean_exp(self, values: Tensor) -> Tensor:
        """Compute the logarithm of each task's mean of exponentials, without overflow: ``[R]`` to ``[C]``."""
        if self.slot is None:
            return values.logsumexp(0, keepdim=True) - _log_count(values)
        top = values.new_full((len(self.task),), -torch.inf)
        top.scatter_reduce_(0, self.slot, values.detach(), "amax")
        return self.mean((values - self.spread(top)).exp()).log() + top


def _log_count(values: Tensor) -> Tensor | float:
    """Return the logarithm of the number of values; as a tensor in compiled graphs, which are then for any number."""
    return torch.ones_like(values).sum().log() if torch.compiler.is_compiling() else math.log(len(values))


class Opponents(NamedTuple):
    """The items that the anchors are compared with, and their weights."""

    item: Tensor | None  # [N] positions in the batch; None for all B of them
    share: Tensor | None  # [T, N], sums to 1 in each task; None for uniform weights
    weighted: bool = False  # whether shares differ within a task

    @classmethod
    def negatives(cls, batch: Batch) -> Opponents:
        """Return the negatives of each task, with equal weights or those of the items."""
        if batch.scores.shape[1] == 1:
            item = batch.single_negatives
            if batch.weight is None:
                return cls(item, None)
            own = batch.weight[item]
            return cls(item, (own / own.sum()).unsqueeze(0), True)
        if batch.weight is not None:
            own = batch.weighted(batch.negative.to(batch.scores.dtype))
            return cls(None, (own / own.sum(0).clamp_min_(torch.finfo(own.dtype).tiny)).t(), True)
        count = batch.negative.sum(0, dtype=batch.scores.dtype).clamp_min_(1)
        return cls(None, (batch.negative / count).t())
