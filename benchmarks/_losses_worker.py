"""Times losses of one library, asked for by JSON lines on standard input. Runs in the peer's environment as well."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor


def xgraph_loss(name: str, items: int, tasks: int) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Ours, with its defaults."""
    from xgraph.losses import LOSSES

    return LOSSES[name](items, tasks)


def libauc_loss(name: str, items: int, tasks: int) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """The peer's, called as its tutorials call it."""
    from libauc.losses import AveragePrecisionLoss, CrossEntropyLoss, meanAveragePrecisionLoss

    if name == "bce":
        loss = CrossEntropyLoss()
        return lambda logits, target, index: loss(logits, target)
    if tasks == 1:
        single = AveragePrecisionLoss(data_len=items)
        return lambda logits, target, index: single(torch.sigmoid(logits), target, index)
    several = meanAveragePrecisionLoss(data_len=items, num_labels=tasks)
    return lambda logits, target, index: several(torch.sigmoid(logits), target, index)


def milliseconds(library: str, loss: str, batch: int, tasks: int, seconds: float) -> float:
    """Median time of a forward and a backward pass; 10 % positives."""
    generator = torch.Generator().manual_seed(0)
    target = (torch.rand(batch, tasks, generator=generator) < 0.1).float()
    if tasks == 1:
        target = (torch.arange(batch) < max(batch // 10, 1)).float().view(batch, 1)
    logits = torch.randn(batch, tasks, generator=generator).requires_grad_()
    index = torch.arange(batch)
    function = {"xgraph": xgraph_loss, "libauc": libauc_loss}[library](loss, batch, tasks)
    times: list[float] = []
    started = time.perf_counter()
    while len(times) < 5 or time.perf_counter() - started < seconds:
        logits.grad = None
        before = time.perf_counter()
        function(logits, target, index).backward()
        times.append(time.perf_counter() - before)
    return sorted(times)[len(times) // 2] * 1e3


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[1]))
    for line in sys.stdin:
        print(json.dumps({"ms": milliseconds(**json.loads(line))}), flush=True)
