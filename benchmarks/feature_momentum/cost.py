"""Measures time and memory of one configuration of `benchmarks.feature_momentum` in this process."""

from __future__ import annotations

import json
import statistics
import sys
import time
from itertools import islice

import torch

from benchmarks.feature_momentum.graph import graph
from benchmarks.feature_momentum.train import make_loader, make_model, measured, warm_up
from benchmarks.workers._serve import resident


def main() -> None:
    """Read settings as JSON from the first argument; print the figures as JSON."""
    cell = json.loads(sys.argv[1])
    torch.set_num_threads(1)
    torch.manual_seed(cell["seed"])
    data = graph(cell["dataset"])
    began = time.process_time()
    if cell["exact_input"]:
        _ = data.input_mean
    once = time.process_time() - began
    data.__dict__.pop("edges", None)  # the loader has its own copy
    warm_up(data, cell)
    seconds, sizes = [], []
    with measured(memory=True) as used:
        model, loader = make_model(data, cell), make_loader(data, cell)
        optimizer = torch.optim.Adam(model.parameters(), lr=cell["lr"])
        model.train()
        batches = islice(loader, cell["steps"])
        while True:
            began = time.process_time()
            if (batch := next(batches, None)) is None:
                break
            optimizer.zero_grad()
            data.loss(model(batch), batch.y[: batch.batch_size]).backward()
            optimizer.step()
            sizes.append((batch.num_nodes, batch.num_edges))
            seconds.append(time.process_time() - began)
    figures = {"ms": 1000 * statistics.median(seconds), "steps_per_epoch": len(loader), "once_seconds": once}
    figures |= {"memory_mib": used["memory_mib"], "process_mib": resident("VmHWM")}
    for key, values in zip(("batch_nodes", "batch_edges"), zip(*sizes, strict=True), strict=True):
        figures[key] = statistics.median(values)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
