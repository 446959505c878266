"""Batches of a few tasks with a fixed number of positives of each."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgraph.checks import integer
from xgraph.checks import number as checked_number
from xgraph.sampling.items.cycle import Cycle
from xgraph.sampling.items.epochs import EpochSampler, IntArray, fingerprint
from xgraph.sampling.items.labels import as_matrix, num_positives, rows_with


class TriSampler(EpochSampler):
    """A batch sampler for data with many tasks: samples tasks first, then positives and negatives of each.

    With b = ``batch_size_per_task`` and k = ``round(b * sampling_rate_per_task)`` (at least 1, at most b − 1), every
    batch holds ``sampled_tasks`` different tasks, and for each of them k items labelled 1 in it, followed by b − k
    items labelled 0 in it. Reshaped to ``[tasks, b]``, a batch has one row per task.

    **Tasks** without positives or without negatives are left out; the attribute ``tasks`` lists the others. They are
    used in shuffled passes, so at any time during an epoch their counts differ by at most one. If there are fewer than
    ``sampled_tasks``, every batch holds all of them and is smaller.

    **Positives and negatives** of each task are used in shuffled passes of their own. An item drawn for one task only
    counts for that task: if another task draws it for the same batch, the next item of that task's list is used
    instead. The shortest lists are served first. So an item occurs twice in a batch only if the batch already holds
    the whole list. A list with fewer items (p) than slots is repeated: each item occurs ``slots // p`` times or once
    more.

    **An epoch** has ``max(ceil(n / (tasks * b)), ceil(num_tasks / tasks))`` batches, where n is the number of items
    with a label in any of these tasks. It contains each task at least once. Not every item is in every epoch: items
    with rare labels occur more often.

    The order only depends on ``seed`` and the epoch. Epochs, positions and resuming work as in
    :class:`~xgraph.sampling.DualSampler`.

    Args:
        labels: Labels 0, 1 or NaN (missing). Shape ``[n, num_tasks]``, or ``[n]`` for a single task.
        batch_size_per_task: Items per task in a batch, at least 2.
        sampled_tasks: Tasks per batch, at least 1.
        sampling_rate_per_task: Share of positives among a task's items, between 0 and 1.
        seed: Seed of the shuffles, not negative.

    Raises:
        ValueError: If a label is not 0, 1 or NaN, no task has both classes, or another argument is out of range.
        TypeError: If ``labels`` are not numbers, or another argument has the wrong type.

    Example:
        >>> import torch
        >>> labels = torch.tensor([[1, 0], [1, 0], [0, 1], [0, 1], [float("nan"), 0], [0, float("nan")]])
        >>> sampler = TriSampler(labels, batch_size_per_task=2, sampled_tasks=1)
        >>> for positive, negative in sampler:
        ...     print((labels[positive] == 1).any().item(), (labels[negative] == 0).any().item())
        True True
        True True
        True True
    """

    def __init__(
        self,
        labels: Any,
        batch_size_per_task: int = 32,
        sampled_tasks: int = 5,
        sampling_rate_per_task: float = 0.5,
        seed: int = 0,
    ) -> None:
        super().__init__(seed)
        self.batch_size_per_task = integer("batch_size_per_task", batch_size_per_task, 2)
        self.sampled_tasks = integer("sampled_tasks", sampled_tasks, 1)
        self.sampling_rate_per_task = checked_number("sampling_rate_per_task", sampling_rate_per_task, 0, 1, "()")
        self.positives_per_task = num_positives(self.batch_size_per_task, self.sampling_rate_per_task)
        self.negatives_per_task = self.batch_size_per_task - self.positives_per_task
        y = as_matrix(labels)
        self._num_items = len(y)
        narrow = np.int32 if len(y) < 2**31 else np.int64  # 128 tasks of a million items are 512 MB
        rows = [rows_with(y, label, narrow) for label in (1, 0)]
        both = [task for task in range(y.shape[1]) if len(rows[0][task]) and len(rows[1][task])]
        if not both:
            raise ValueError(
                f"labels must hold at least one task with positives (1) and negatives (0), got none in {y.shape[1]} "
                "tasks"
            )
        self.tasks = both
        self.tasks_per_batch = min(self.sampled_tasks, len(both))
        # List 2t holds the positives of the t-th task, list 2t + 1 its negatives.
        self._lists: list[NDArray[Any]] = [rows[label][task] for task in both for label in (0, 1)]
        labelled = np.zeros(len(y), dtype=np.bool_)
        for members in self._lists:
            labelled[members] = True
        self._num_labelled = int(np.count_nonzero(labelled))
        self._fingerprint = fingerprint(self._num_items, self._lists)

    def __len__(self) -> int:
        """Number of batches per epoch."""
        items = self.tasks_per_batch * self.batch_size_per_task
        return max(-(-self._num_labelled // items), -(-len(self.tasks) // self.tasks_per_batch))

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(num_items={self._num_items}, num_tasks={len(self.tasks)}, batches={len(self)}, "
            f"tasks_per_batch={self.tasks_per_batch}, positives_per_task={self.positives_per_task}, "
            f"negatives_per_task={self.negatives_per_task}, seed={self.seed})"
        )

    def identity(self) -> dict[str, int]:
        """Return the values that the batches depend on: seed, settings, and a checksum of the lists."""
        return {
            "num_items": self._num_items,
            "batch_size_per_task": self.batch_size_per_task,
            "tasks_per_batch": self.tasks_per_batch,
            "positives_per_task": self.positives_per_task,
            "seed": self.seed,
            "fingerprint": self._fingerprint,
        }

    def batches(self, epoch: int) -> Iterator[IntArray]:
        """Iterate over all batches of an epoch; the current position is neither used nor changed.

        Args:
            epoch: Number of the epoch, from 0.
        """
        rng = np.random.default_rng([self.seed, epoch])
        num_tasks, per_batch = len(self.tasks), self.tasks_per_batch
        size = per_batch * self.batch_size_per_task
        slots = (self.positives_per_task, self.negatives_per_task)
        turns = -(-len(self) * per_batch // num_tasks)  # largest number of times that a task is sampled in the epoch
        tasks = Cycle(np.arange(num_tasks), rng)
        cycles = [Cycle(rows, rng, turns * slots[number % 2] + size) for number, rows in enumerate(self._lists)]
        sizes = [len(rows) for rows in self._lists]
        taken = np.zeros(self._num_items, dtype=np.bool_)
        for _ in range(len(self)):
            sampled = tasks.take(per_batch, np.zeros(num_tasks, dtype=np.bool_), per_batch)
            lists = [2 * task + label for task in sampled.tolist() for label in (0, 1)]
            drawn, held = {}, 0
            for number in sorted(lists, key=sizes.__getitem__):
                held += slots[number % 2]
                drawn[number] = cycles[number].take(slots[number % 2], taken, held)
            batch = np.concatenate([drawn[number] for number in lists])
            taken[batch] = False
            yield batch
