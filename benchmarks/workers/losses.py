"""Worker: measures time and memory of a loss. Also runs in LibAUC's environment."""

from __future__ import annotations

from statistics import median

import torch
from _libraries import Call, make
from _serve import rise, rounds, serve_costs
from torch import Tensor

WARM_UP = 3
LONG = 65536  # scores; from here on a step of some losses takes seconds, so one is enough to warm up


def inputs(batch: int, tasks: int, positives: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return logits, labels with this share of positives in every task, and the index."""
    generator = torch.Generator().manual_seed(0)
    order = torch.rand(batch, tasks, generator=generator).argsort(0)
    target = (order < max(round(batch * positives), 1)).float()
    logits = torch.randn(batch, tasks, generator=generator).requires_grad_()
    return logits, target, torch.arange(batch)


def step(call: Call, logits: Tensor, target: Tensor, index: Tensor) -> None:
    """Run a forward and a backward pass."""
    logits.grad = None
    call(logits, target, index).backward()


def milliseconds(library: str, loss: str, batch: int, tasks: int, seconds: float) -> dict[str, float]:
    """Return the median time of a step on items seen before, 10 % of them positive."""
    arguments = inputs(batch, tasks, 0.1)
    _, call = make(library, loss, batch, tasks)
    for _ in range(WARM_UP if batch * tasks < LONG else 1):
        step(call, *arguments)
    return {"value": median(one[0] for one in rounds(seconds, lambda: step(call, *arguments)))}


def mebibytes(library: str, loss: str, batch: int, positives: float) -> dict[str, float]:
    """Return by how much two steps raise the peak memory; the first one is on items not seen before."""
    _, small = make(library, loss, 64, 1)
    step(small, *inputs(64, 1, 0.1))  # loads libraries that are loaded at first use
    arguments = inputs(batch, 1, positives)

    def two_steps() -> None:
        _, call = make(library, loss, batch, 1)
        for _ in range(2):
            step(call, *arguments)

    return {"value": rise(two_steps)}


if __name__ == "__main__":
    serve_costs(milliseconds, mebibytes)
