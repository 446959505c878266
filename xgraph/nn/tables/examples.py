"""What a model is fitted to: features and labels of items, and the labelled items of each task."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class TaskExamples:
    """The labelled items of a task.

    Args:
        task: Number of the task.
        items: Positions of the items, int64. Shape ``[m]``.
        y: Their labels 0 and 1, or numbers, float64. Shape ``[m]``.
        weight: Their weights, float64, if there are any. Shape ``[m]``.
        seed: A seed that differs for every task.
    """

    task: int
    items: Tensor
    y: NDArray[np.float64]
    weight: NDArray[np.float64] | None
    seed: int

    def take(self, chosen: Tensor) -> "TaskExamples":
        """Return some of the items, by their positions among these."""
        i = chosen.numpy()
        weight = None if self.weight is None else self.weight[i]
        return TaskExamples(self.task, self.items[chosen], self.y[i], weight, self.seed)


@dataclass(frozen=True)
class Examples:
    """The items that a model of T tasks is fitted to, all on the CPU.

    Args:
        x: Finite features, float32. Shape ``[n, F]``.
        y: Labels 0 and 1, or standardised numbers, with NaN for missing. Shape ``[n, T]``.
        weight: Weights of the items, if there are any. Shape ``[n]``.
        learned: Which tasks have labels of both classes, or different numbers, bool. Shape ``[T]``.
        seed: Random seed.
        threads: Number of CPU threads.
        progress: Called with ``(done, total, description)``.
    """

    x: Tensor
    y: Tensor
    weight: Tensor | None
    learned: Tensor
    seed: int
    threads: int
    progress: Progress | None = None

    def tasks(self) -> Iterator[TaskExamples]:
        """Yield the labelled items of each task that can be learned, and report the progress after each."""
        for task, learned in enumerate(self.learned.tolist()):
            if learned:
                items = (~self.y[:, task].isnan()).nonzero().flatten()
                weight: Any = None if self.weight is None else self.weight[items].double().numpy()
                y = self.y[items, task].double().numpy()
                yield TaskExamples(task, items, y, weight, task_seed(self.seed, task))
            if self.progress is not None:
                self.progress(task + 1, len(self.learned), "fitting")


def task_seed(seed: int, task: int) -> int:
    """Return a seed below 2³² that differs for every seed and task."""
    return int(np.random.SeedSequence([seed, task]).generate_state(1)[0])
