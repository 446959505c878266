"""Measures training with the 1,310 tasks of ogbg-molchembl against training with one: ``python -m benchmarks.wide``.

A step is that of ``xgraph train`` at a batch of 64: the default network, a loss, Adam. The molecules are those of the
embedded data set; labels are random, 90 % of them missing. Steps with one task and with all are measured in turn, in
CPU time, which other processes of the machine disturb least. Memory is that of a batch with all labels, each loss in a
process of its own. It takes five minutes. Results: ``docs/results/losses.md``.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks._report import parser, report, table
from benchmarks.workers._serve import rise
from xgraph.losses import LOSSES, Loss

TASKS, BATCH, MISSING, POSITIVE = 1310, 64, 0.9, 0.1
GOAL = 2.0
"""How many times as long as with one task a step with all tasks may take."""
MEASURED = [
    *("bce", "focal", "soap", "sopa", "sopa-s", "sota-s", "staco", "auc-margin", "auc-pairwise", "kl-dro", "group-dro"),
    *("mse", "mae", "huber"),
]
NUMBERS = ("mse", "mae", "huber")
SCORED = 40_000
"""Molecules of a scored part: ogbg-molchembl has 45,000 for validation."""
Row = dict[str, Any]


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--losses", nargs="+", choices=MEASURED, default=MEASURED)
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--steps", type=int, default=12, help="steps of each measurement")
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--footprint", nargs=2, metavar=("LOSS", "BATCH"), help=argparse.SUPPRESS)
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    if options.footprint:
        print(footprint(options.footprint[0], int(options.footprint[1])))
        return
    from xgraph.data import load

    rows = steps(options.losses, options.rounds, options.steps, load("nci-pains"))
    for row in rows:
        row |= memory(row["loss"])
    report(
        "wide",
        rows,
        elsewhere=elsewhere(),
        protocol=f"CPU time; batch {BATCH}, {options.threads} thread(s); one and {TASKS:,} tasks in turn, median of "
        f"{options.rounds} rounds of {options.steps} steps; {MISSING:.0%} of labels missing, {POSITIVE:.0%} positive; "
        "memory: highest resident set above that before, two steps with all labels known",
    )


def labels(count: int, tasks: int, numbers: bool, missing: float = MISSING, seed: int = 0) -> torch.Tensor:
    """Return random labels, or numbers, some of them missing."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.randn(count, tasks, generator=generator)
    y = y if numbers else (y > torch.distributions.Normal(0, 1).icdf(torch.tensor(1 - POSITIVE))).float()
    y[torch.rand(count, tasks, generator=generator) < missing] = float("nan")
    return y


def make_loss(name: str, num_items: int, tasks: int) -> Loss:
    """Return a loss with its usual options."""
    groups = {"groups": torch.arange(num_items) % 4} if name == "group-dro" else {}
    loss: Loss = LOSSES[name](num_items, tasks, **groups)
    return loss


class Step:
    """A step of training with some tasks."""

    def __init__(self, loss: str, tasks: int, data: Any, batches: list[Any]) -> None:
        from xgraph.nn import MODELS

        torch.manual_seed(0)
        self.y, self.batches = labels(len(data), tasks, loss in NUMBERS), batches
        self.model: Any = MODELS["gine"](tasks)
        self.loss = make_loss(loss, len(data), tasks)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3, fused=True)

    def times(self, count: int) -> tuple[list[float], list[float]]:
        """Return the milliseconds of CPU time of steps, and of the loss alone, forward and backward."""
        whole, alone = [], []
        for number in range(count):
            batch = self.batches[number % len(self.batches)]
            target = self.y[batch.idx]
            begin = time.process_time()
            scores = self.model(batch)
            loss = self.loss(scores, target, batch.idx)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            whole.append(1e3 * (time.process_time() - begin))
            scores = scores.detach().requires_grad_()
            begin = time.process_time()
            self.loss(scores, target, batch.idx).backward()
            alone.append(1e3 * (time.process_time() - begin))
        return whole, alone


def steps(losses: list[str], rounds: int, count: int, data: Any) -> list[Row]:
    """Measure the steps of each loss with one task and with all, in turn."""
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(0))
    batches = [data.batch(part.tolist()) for part in order[: 12 * BATCH].split(BATCH)]
    rows: list[Row] = []
    for name in losses:
        pair = {tasks: Step(name, tasks, data, batches) for tasks in (1, TASKS)}
        times: dict[tuple[int, int], list[float]] = {(tasks, kind): [] for tasks in pair for kind in (0, 1)}
        for turn in range(rounds + 1):  # the first warms up
            for tasks, step in pair.items():
                for kind, values in enumerate(step.times(count)):
                    times[tasks, kind] += values if turn else []
        step_ms, loss_ms = ({tasks: statistics.median(times[tasks, kind]) for tasks in pair} for kind in (0, 1))
        row: Row = {"loss": name, "step ms, one": step_ms[1], "step ms, all": step_ms[TASKS]}
        row |= {"ratio": step_ms[TASKS] / step_ms[1], "goal": GOAL}
        row |= {"loss ms, one": loss_ms[1], "loss ms, all": loss_ms[TASKS]}
        rows.append(row)
        print(row, file=sys.stderr)
    return rows


def memory(loss: str) -> Row:
    """Measure the memory of a loss in new processes, and the bytes of its state per item and task."""
    row: Row = {}
    for batch in (BATCH, 8 * BATCH):
        command = [sys.executable, "-m", "benchmarks.wide", "--footprint", loss, str(batch)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        row[f"MiB, {batch}"] = float(done.stdout)
    sizes = [sum(one.numel() * one.element_size() for one in make_loss(loss, n, TASKS).buffers()) for n in (8, 16)]
    row["state bytes"] = (sizes[1] - sizes[0]) / 8 / TASKS
    return row


def footprint(name: str, batch: int) -> float:
    """Return how many MiB two steps of a loss take."""

    def two_steps(size: int, tasks: int) -> float:
        loss, y = make_loss(name, size, tasks), labels(size, tasks, name in NUMBERS, missing=0.0)
        scores, index = torch.randn(size, tasks, requires_grad=True), torch.arange(size)
        return rise(lambda: [loss(scores, y, index).backward() for _ in range(2)], trim=True)

    two_steps(8, 2)  # loads what is needed
    return two_steps(batch, TASKS)


def elsewhere() -> list[Row]:
    """Measure what happens outside of steps: samplers, metrics, the file of predictions."""
    from xgraph.sampling import DualSampler, TriSampler
    from xgraph.training.scoring.metrics import score_all

    y = labels(SCORED, TASKS, numbers=False)
    scores = np.random.default_rng(0).normal(size=y.shape)
    samplers: dict[str, Callable[[], Any]] = {
        "DualSampler": lambda: DualSampler(y, BATCH),
        "TriSampler": lambda: TriSampler(y, BATCH // 4, sampled_tasks=4),
    }
    rows = []
    for name, make in samplers.items():
        rows.append(_timed(f"{name}, made", make))
        sampler = make()
        rows.append(_timed(f"{name}, {len(sampler):,} batches", partial(list, sampler)))
    rows.append(_timed("metrics of a part", lambda: score_all(y.numpy(), scores)))
    rows.append(_timed("predictions of 4,991 molecules", write_predictions))
    print(table(rows))
    return rows


def write_predictions() -> None:
    """Write the predictions file of the embedded data set with all tasks."""
    from xgraph.data import load
    from xgraph.training.config.build import build_config
    from xgraph.training.files.writing import write_csv
    from xgraph.training.sources import make_source

    data = load("nci-pains")
    data.y, data.task_names = labels(len(data), TASKS, numbers=False), [f"task {i}" for i in range(TASKS)]
    source, scores = make_source(data, build_config({})), np.random.default_rng(0).random((len(data), TASKS))
    with tempfile.TemporaryDirectory() as folder:
        rows = source.prediction_rows(torch.arange(len(data)), scores)
        write_csv(Path(folder) / "predictions.csv", source.prediction_columns(), rows)


def _timed(what: str, work: Callable[[], object]) -> Row:
    """Return the seconds of CPU time that something takes, and the memory above that before."""
    begin = time.process_time()
    memory = rise(work, trim=True)
    return {"what": what, "seconds": time.process_time() - begin, "MiB": memory}


if __name__ == "__main__":
    main()
