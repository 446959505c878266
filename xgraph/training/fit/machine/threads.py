"""How many CPU threads a run takes if neither its settings nor the environment say."""

import os
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from xgraph.training.fit.task import Task

_ENVIRONMENT = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
_SMALL = 1e9  # rows × weights; measured on two cores by benchmarks/threads.py


def set_usual_threads(task: "Task", device: str) -> None:
    """Use one thread for steps so small that several threads wait for each other longer than they compute.

    Larger steps, and runs on a GPU, keep torch's own number. Call it within `own_random_streams`, which restores it.
    """
    if device != "cpu" or any(name in os.environ for name in _ENVIRONMENT):
        return
    weights = sum(parameter.numel() for parameter in task.model.parameters())
    if task.source.rows_per_batch * weights < _SMALL:
        torch.set_num_threads(1)
