"""Time and memory of a loss, asked for by JSON lines on standard input. Runs in the peer's environment as well."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import torch
from _libraries import Call, make
from torch import Tensor

WARM_UP = 3


def inputs(batch: int, tasks: int, positives: float) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, labels with this share of positives in every task, index."""
    generator = torch.Generator().manual_seed(0)
    order = torch.rand(batch, tasks, generator=generator).argsort(0)
    target = (order < max(round(batch * positives), 1)).float()
    logits = torch.randn(batch, tasks, generator=generator).requires_grad_()
    return logits, target, torch.arange(batch)


def step(call: Call, logits: Tensor, target: Tensor, index: Tensor) -> None:
    """A forward and a backward pass."""
    logits.grad = None
    call(logits, target, index).backward()


def milliseconds(library: str, loss: str, batch: int, tasks: int, seconds: float) -> float:
    """Median time of a step on items that have been seen; 10 % positives."""
    given = inputs(batch, tasks, 0.1)
    _, call = make(library, loss, batch, tasks)
    for _ in range(WARM_UP):
        step(call, *given)
    times: list[float] = []
    started = time.perf_counter()
    while len(times) < 3 or time.perf_counter() - started < seconds:
        before = time.perf_counter()
        step(call, *given)
        times.append(time.perf_counter() - before)
    return sorted(times)[len(times) // 2] * 1e3


def mebibytes(library: str, loss: str, batch: int, positives: float) -> float:
    """Highest resident memory in two steps, the first of them on items not seen before, above what it was before."""
    _, small = make(library, loss, 64, 1)
    step(small, *inputs(64, 1, 0.1))  # libraries that are loaded at first use
    given = inputs(batch, 1, positives)
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the highest so far is forgotten
    _, call = make(library, loss, batch, 1)
    for _ in range(2):
        step(call, *given)
    return (_status("VmHWM") - before) / 1024


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(f"{name}:")))


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[1]))
    torch.zeros(7_500_000)  # as in training, whose allocator has long since seen and freed large tensors
    for line in sys.stdin:
        question = json.loads(line)
        measure = {"ms": milliseconds, "mib": mebibytes}[question.pop("measure")]
        print(json.dumps({"value": measure(**question)}), flush=True)
