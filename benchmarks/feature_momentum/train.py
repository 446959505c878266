"""One cell of `benchmarks.feature_momentum`: trains GraphSAGE on sampled neighbours and measures it."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import Data

from benchmarks.feature_momentum.graph import Graph, whole_graph
from benchmarks.workers._serve import reset_peak, resident
from xgraph.estimators import CosineGamma
from xgraph.nn import GraphSAGE, GraphSAGEFM, NodeModel, layerwise
from xgraph.sampling import NeighborLoader
from xgraph.training.fit.seeding import own_random_streams


def make_model(data: Graph, cell: dict[str, Any]) -> NodeModel:
    """Return the model of a cell, initialised from torch's generator."""
    options: dict[str, Any] = {key: cell[key] for key in ("num_layers", "hidden_channels", "dropout", "norm")}
    sizes = (data.outputs, data.data.x.size(1))
    if not cell["exact_input"] and cell["arm"] != "momentum":
        return GraphSAGE(*sizes, **options)
    gamma: Any = CosineGamma(**cell["gamma"]) if isinstance(cell["gamma"], dict) else cell["gamma"]
    options |= {"gamma": gamma, "gradient": cell["gradient"], "exact_input": cell["exact_input"]}
    return GraphSAGEFM(*sizes, num_nodes=data.data.num_nodes, **options)


def make_loader(data: Graph, cell: dict[str, Any]) -> NeighborLoader:
    """Return a loader of the training nodes; with exact input the last hop is not sampled."""
    source = Data(x=data.data.x, edge_index=data.data.edge_index, y=data.data.y)
    if cell["exact_input"]:
        source.x_aggr = data.input_mean
    fans = [int(fan) for fan in str(cell["fan_out"]).split(",")]
    fans = fans * cell["num_layers"] if len(fans) == 1 else fans
    hops = cell["num_layers"] - bool(cell["exact_input"])
    return NeighborLoader(
        source,
        fans[:hops],
        data.parts["train"],
        batch_size=cell["batch_size"],
        shuffle=True,
        seed=cell["seed"],
        prefetch=0,
        sparse=data.data.x.layout == torch.sparse_csr,
    )


def run(data: Graph, cell: dict[str, Any]) -> dict[str, Any]:
    """Train; return the curve of exact scores, times and memory, and the test score at the best validation score."""
    with own_random_streams(cell["seed"]):
        model = make_model(data, cell)
        loader = make_loader(data, cell)
        warm_up(data, cell)
        optimizer = torch.optim.Adam(model.parameters(), lr=cell["lr"], weight_decay=cell["weight_decay"])
        curve: list[dict[str, Any]] = []
        epochs: list[dict[str, float]] = []
        for epoch in range(1, cell["epochs"] + 1):
            for group in optimizer.param_groups:
                group["lr"] = cell["lr"] * 0.5 * (1 + math.cos(math.pi * (epoch - 1) / cell["epochs"]))
            for table in getattr(model, "tables", {}).values():
                table.set_epoch(epoch - 1)
            with measured(memory=epoch == 1) as used:
                used["loss"] = train(data, model, loader, optimizer, whole=cell["whole"])
            epochs.append(used)
            if epoch % cell["valid_every"] and epoch < cell["epochs"]:
                continue
            logits = exact(data, model, check=not curve)
            point: dict[str, Any] = {"epoch": epoch, **{part: data.score(logits, part) for part in ("valid", "test")}}
            if cell.get("track"):
                point["error"] = errors(data, model, cell)
            curve.append(point)
    best = max(curve, key=lambda point: point["valid"])  # the first of equals
    return {
        "epoch": best["epoch"],
        "valid": best["valid"],
        "test": best["test"],
        "steps": len(loader),
        "cpu_seconds": statistics.median(used["cpu_seconds"] for used in epochs),
        "wall_seconds": statistics.median(used["wall_seconds"] for used in epochs),
        "memory_mib": epochs[0]["memory_mib"],
        "loss": [used["loss"] for used in epochs],
        "curve": curve,
    }


def train(
    data: Graph, model: NodeModel, loader: NeighborLoader, optimizer: torch.optim.Optimizer, *, whole: bool
) -> float:
    """Train one epoch and return its mean loss."""
    model.train()
    nodes, total = data.parts["train"], 0.0
    seeds = nodes[torch.randperm(len(nodes))].split(loader.batch_size) if whole else None
    for batch in loader if seeds is None else seeds:
        optimizer.zero_grad()
        logits = model(batch) if seeds is None else whole_graph(data, model, batch)[0]
        loss = data.loss(logits, batch.y[: batch.batch_size] if seeds is None else data.data.y[batch])
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(loader)


def exact(data: Graph, model: NodeModel, *, check: bool) -> Tensor:
    """Return the logits of all nodes in evaluation mode, from all their neighbours."""
    model.eval()
    with torch.no_grad():
        logits = whole_graph(data, model)[0]
    if check:
        other = layerwise(model, data.data.x, data.edges)
        if not torch.allclose(logits, other, rtol=1e-3, atol=1e-3 * float(other.abs().max())):
            raise ValueError(f"whole_graph and layerwise differ by {float((logits - other).abs().max())}")
    return logits


def warm_up(data: Graph, cell: dict[str, Any]) -> None:
    """Run a small batch through another model, so that no first use is measured."""
    model = make_model(data, cell)
    loader = make_loader(data, {**cell, "batch_size": 8, "fan_out": 1})
    model.train()
    batch = next(iter(loader))
    data.loss(model(batch), batch.y[: batch.batch_size]).backward()


@contextmanager
def measured(*, memory: bool) -> Iterator[dict[str, float]]:
    """Measure processor time, wall time, and by how much the resident set rose."""
    used: dict[str, float] = {}
    before = reset_peak(trim=True) if memory else 0.0
    wall, cpu = time.perf_counter(), time.process_time()
    yield used
    used |= {"cpu_seconds": time.process_time() - cpu, "wall_seconds": time.perf_counter() - wall}
    if memory:
        used["memory_mib"] = resident("VmHWM") - before


def errors(data: Graph, model: NodeModel, cell: dict[str, Any]) -> list[float | None]:
    """Return ‖h̃ − h‖ / ‖h‖ over the training nodes for each layer; None for a layer with the exact aggregate.

    h are the exact aggregates over all neighbours with the present weights. h̃ are the rows of the tables after
    training. Without momentum, h̃ are the sampled aggregates of one pass with the present weights, which a model with
    the same weights and γ = 1 leaves in its tables.
    """
    tracked: Any = model
    if cell["arm"] != "momentum":
        once = {**cell, "arm": "momentum", "gamma": 1.0, "gradient": "straight_through", "dropout": 0.0}
        with torch.random.fork_rng(), torch.no_grad():
            tracked = make_model(
                data, {**once, "gamma": {"gamma_min": 1.0, "epochs": 1}}
            )  # a plain number would mean no tables
            tracked.load_state_dict(model.state_dict(), strict=False)
            tracked.train()
            for batch in make_loader(data, {**once, "seed": cell["seed"] + 1000}):
                tracked(batch)
    nodes, ratios = data.parts["train"], []
    model.eval()
    with torch.no_grad():
        means = whole_graph(data, model)[1]
    for number, mean in enumerate(means):
        if number == 0 and cell["exact_input"]:
            ratios.append(None)
        else:
            value = tracked.tables[str(number)].table.value[nodes]
            ratios.append(((value - mean[nodes]).norm() / mean[nodes].norm()).item())
    return ratios
