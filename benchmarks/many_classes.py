"""Measures losses of many classes: ``python -m benchmarks.many_classes``, and ``--cost`` for the time of a step.

**FB15k-237.** DistMult predicts the tail of each training triple, and the head by an inverse relation, among 14,541
entities. Exact cross-entropy, SCENT and a sampled softmax (γ = 1), both on 512 sampled entities, get the same processor
time on one core, a minute. Validation chooses when to stop (and the learning rate, if several are listed) by the
filtered mean reciprocal rank of all validation triples in both directions; the test triples are scored once, with the
chosen weights. All triples of all parts are filtered, and ties share the mean rank. The budget is short: published
figures come from hundreds of epochs.

**Cost.** A hidden layer and K classes, Adam, one core, the median of 20 steps: the exact loss, SCENT with 512 sampled
classes, and the same with an ``Embedding(sparse=True)`` and ``SparseAdam``.

Needs ``XGRAPH_MIRROR`` (not for ``--cost``). Results: ``docs/results/many-classes.md``.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks._jobs import Job, results
from benchmarks._report import RESULTS, parser, report
from xgraph.losses import ScentLoss

SECONDS, CHECKS, BATCH, CHANNELS, DROPOUT, SAMPLED = 60, 3, 512, 100, 0.2, 512
RATES = (0.003,)
METHODS: dict[str, dict[str, Any] | None] = {
    "cross-entropy": None,
    "SCENT": {"num_sampled": SAMPLED},
    "sampled softmax (γ = 1)": {"num_sampled": SAMPLED, "gamma": 1.0},
}
"""Fixed before the first run."""


class DistMult(nn.Module):
    """Scores of all entities for (entity, relation): a product of three vectors."""

    def __init__(self, entities: int, relations: int) -> None:
        super().__init__()
        self.entity, self.relation = nn.Embedding(entities, CHANNELS), nn.Embedding(relations, CHANNELS)
        for table in (self.entity, self.relation):
            nn.init.xavier_normal_(table.weight)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, queries: Tensor) -> Tensor:
        """The vectors whose products with the entities are the scores, for rows of (entity, relation)."""
        return self.dropout(self.entity(queries[:, 0]) * self.relation(queries[:, 1]))


class Graph:
    """Triples in both directions: queries (entity, relation) and answers."""

    def __init__(self, path: Path) -> None:
        table = np.load(path)
        self.entities, self.relations = len(table["entities"]), len(table["relations"])
        self.parts = {part: self._both(table[part].astype(np.int64)) for part in ("train", "valid", "test")}
        every = torch.cat([torch.cat([queries, answers[:, None]], 1) for queries, answers in self.parts.values()])
        key = (every[:, 0] * 2 * self.relations + every[:, 1]) * self.entities + every[:, 2]
        self.known = key.unique()

    def _both(self, triples: np.ndarray) -> tuple[Tensor, Tensor]:
        head, relation, tail = torch.from_numpy(triples).unbind(1)
        queries = torch.stack([torch.cat([head, tail]), torch.cat([relation, relation + self.relations])], 1)
        return queries, torch.cat([tail, head])

    def others(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Row and entity of all known answers of queries."""
        key = (queries[:, 0] * 2 * self.relations + queries[:, 1]) * self.entities
        begin, end = (torch.searchsorted(self.known, edge) for edge in (key, key + self.entities))
        size = end - begin
        row = torch.repeat_interleave(torch.arange(len(key)), size)
        place = torch.arange(len(row)) - torch.repeat_interleave(size.cumsum(0) - size, size) + begin[row]
        return row, self.known[place] - key[row]


@torch.no_grad()
def filtered(model: DistMult, graph: Graph, part: str) -> dict[str, float]:
    """Filtered mean reciprocal rank and hits, both directions, ties with the mean rank."""
    model.eval()
    found = []
    queries, answers = graph.parts[part]
    for rows, own in zip(queries.split(1024), answers.split(1024), strict=True):
        scores = model(rows) @ model.entity.weight.t()
        mine = scores.gather(1, own[:, None])
        row, entity = graph.others(rows)
        scores[row, entity] = -torch.inf
        found.append(1 + (scores > mine).sum(1) + (scores == mine).sum(1) / 2)
    model.train()
    rank = torch.cat(found)
    hits = {f"hits@{k}": (rank <= k).float().mean().item() for k in (1, 3, 10)}
    return {"mrr": (1 / rank).mean().item(), **hits}


def train(graph: Graph, options: dict[str, Any] | None, lr: float, seconds: float = SECONDS) -> dict[str, Any]:
    """Train for some seconds of processor time, and score the test part with the weights that validation chose."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = DistMult(graph.entities, 2 * graph.relations)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, fused=True)
    queries, answers = graph.parts["train"]
    loss_fn = None if options is None else ScentLoss(len(queries), graph.entities, **options)
    best: dict[str, Any] = {"mrr": -1.0}
    curve, steps, spent, order = [], 0, 0.0, torch.tensor([], dtype=torch.int64)
    for check in range(1, CHECKS + 1):
        while spent < seconds * check / CHECKS:
            began = time.process_time()
            if len(order) < BATCH:
                order = torch.randperm(len(queries))
            index, order = order[:BATCH], order[BATCH:]
            hidden, target = model(queries[index]), answers[index]
            if loss_fn is None:
                loss = F.cross_entropy(hidden @ model.entity.weight.t(), target)
            else:
                loss = loss_fn(hidden, target, index, model.entity.weight)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            steps += 1
            spent += time.process_time() - began
        valid = filtered(model, graph, "valid")
        curve.append({"seconds": spent, "steps": steps, "valid_mrr": valid["mrr"]})
        if valid["mrr"] > best["mrr"]:
            best = {**valid, "weights": {name: value.clone() for name, value in model.state_dict().items()}}
    model.load_state_dict(best["weights"])
    test = filtered(model, graph, "test")
    epochs = steps * BATCH / len(queries)
    return {"valid_mrr": best["mrr"], **test, "ms": 1e3 * spent / steps, "epochs": epochs, "curve": curve}


def knowledge_graph(out: Path) -> None:
    """Train by each loss and learning rate, and write the results. Finished runs are kept."""
    graph = Graph(Path(os.environ["XGRAPH_MIRROR"]) / "kg" / "fb15k-237.npz")
    fixed = {"seconds": SECONDS, "batch": BATCH, "channels": CHANNELS, "dropout": DROPOUT, "data": "FB15k-237"}

    def job(number: int, options: dict[str, Any] | None, lr: float) -> Job:
        settings = {**fixed, "options": options, "lr": lr}
        return Job(out / f"{number}-{lr:g}.json", settings, lambda: train(graph, options, lr), _summary)

    jobs = {(name, lr): job(number, METHODS[name], lr) for number, name in enumerate(METHODS) for lr in RATES}
    done = dict(zip(jobs, results(jobs.values()), strict=True))
    rows = []
    for name in METHODS:
        lr = max(RATES, key=lambda rate: done[name, rate]["valid_mrr"])
        kept = ("valid_mrr", "mrr", "hits@1", "hits@3", "hits@10", "ms", "epochs")
        rows.append({"loss": name, "lr": lr, **{key: done[name, lr][key] for key in kept}})
    report("many_classes", rows, settings={**fixed, "methods": METHODS, "rates": RATES}, protocol=__doc__)


def _summary(result: dict[str, Any]) -> str:
    return f"valid {result['valid_mrr']:.4f}, test {result['mrr']:.4f}, {result['epochs']:.1f} epochs"


def cost() -> None:
    """Measure the time of a step, and write the results."""
    torch.set_num_threads(1)
    rows = []
    for channels in (128,):
        for size in (64, 256):
            for classes in (1000, 3000, 10_000, 30_000, 100_000):
                row: dict[str, Any] = {"channels": channels, "batch": size, "classes": classes}
                for name in ("exact", "scent", "sparse"):
                    row[name] = statistics.median(_times(name, channels, size, classes))
                    sys.stderr.write(f"{row}\n" if name == "sparse" else "")
                rows.append(row)
    report("many_classes_cost", rows, settings={"sampled": SAMPLED}, unit="ms, median of 20 steps")


def _times(name: str, channels: int, size: int, classes: int) -> list[float]:
    torch.manual_seed(0)
    first, x = nn.Linear(channels, channels), torch.randn(size, channels)
    target, index = torch.randint(classes, (size,)), torch.arange(size)
    last = nn.Embedding(classes, channels, sparse=name == "sparse")
    nn.init.normal_(last.weight, std=channels**-0.5)  # larger ones give gradients whose squares are denormal: slow
    optimizers: list[torch.optim.Optimizer] = [torch.optim.Adam(first.parameters(), fused=True)]
    if name == "sparse":
        optimizers.append(torch.optim.SparseAdam(last.parameters()))
    else:
        optimizers.append(torch.optim.Adam(last.parameters(), fused=True))
    loss_fn: Callable[..., Tensor] = ScentLoss(size, classes, num_sampled=SAMPLED)
    times = []
    for _ in range(23):
        began = time.process_time()
        hidden = first(x)
        loss = (
            F.cross_entropy(hidden @ last.weight.t(), target)
            if name == "exact"
            else loss_fn(hidden, target, index, last)
        )
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        times.append(1e3 * (time.process_time() - began))
    return times[3:]


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--cost", action="store_true", help="measure the time of a step")
    default = RESULTS.parent / "runs" / "many-classes"
    arguments.add_argument("out", nargs="?", type=Path, default=default, help="folder for the runs")
    chosen = arguments.parse_args()
    cost() if chosen.cost else knowledge_graph(chosen.out)


if __name__ == "__main__":
    main()
