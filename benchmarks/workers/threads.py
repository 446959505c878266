"""Worker: training steps of a run of `xgraph train`, on as many threads as each question says."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import torch
from _serve import serve

from xgraph.training.config.build import build_config
from xgraph.training.fit.engine import prepare
from xgraph.training.fit.loading import load_data


def endless(task: Any) -> Iterator[Any]:
    """The batches of the main stage, epoch after epoch."""
    sampler = task.samplers["main"]
    for epoch in range(10**6):
        sampler.set_epoch(epoch)
        yield from task.source.loader(task.train_positions, sampler, epoch, torch.device("cpu"))


def main() -> None:
    torch.manual_seed(0)
    config = build_config(json.loads(sys.argv[1]))
    task = prepare(config, load_data(config, False))
    optimizer, batches = task.configure_optimizers(), endless(task)

    def step() -> None:
        batch = next(batches)
        optimizer.zero_grad()
        task.main_loss(task.model(batch), batch.y, batch.idx).backward()
        optimizer.step()

    def measure(threads: int, seconds: float) -> dict[str, float]:
        """Milliseconds of a step, its batch included: the mean over so many seconds."""
        torch.set_num_threads(threads)
        steps, began = 0, time.perf_counter()
        while time.perf_counter() - began < seconds:
            step()
            steps += 1
        return {"ms": (time.perf_counter() - began) / steps * 1e3}

    measure(1, 1.0)
    serve(measure)


if __name__ == "__main__":
    main()
