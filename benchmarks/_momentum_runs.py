"""One cell of `benchmarks.feature_momentum`: a GraphSAGE trained on sampled neighbours, and its figures."""

from __future__ import annotations

import copy
import ctypes
import math
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric.data import Data

from benchmarks._noisy_graph import SIZES, noisy_graph
from xgraph.data import load
from xgraph.estimators import CosineGamma
from xgraph.nn import GraphSAGE, GraphSAGEFM, InEdges, NodeModel, SAGEConv, input_aggregate, layerwise
from xgraph.nn.convolutions.rows import linear, sum_neighbors
from xgraph.sampling import NeighborLoader
from xgraph.training.fit.seeding import own_random_streams
from xgraph.training.scoring.metrics import roc_auc


@dataclass
class Graph:
    """A data set as the runs use it.

    Args:
        data: `x`, `edge_index` and `y`.
        parts: Nodes of train, valid and test.
        outputs: Logits of a node.
    """

    data: Data
    parts: dict[str, Tensor]
    outputs: int

    @cached_property
    def edges(self) -> InEdges:
        """The edges by target."""
        return InEdges.from_edge_index(self.data.edge_index, self.data.num_nodes)

    @cached_property
    def inverse(self) -> Tensor:
        """1 / degree, shape ``[N]``, of an undirected graph.

        Raises:
            ValueError: It is a directed one.
        """
        (source, target), number = self.data.edge_index, self.data.num_nodes
        if not torch.equal((source * number + target).sort().values, (target * number + source).sort().values):
            raise ValueError("the graph is directed")
        return self.edges.colptr.diff().clamp(min=1).reciprocal()

    @cached_property
    def input_mean(self) -> Tensor:
        """The exact means of the neighbours' features: a constant."""
        return input_aggregate(SAGEConv(self.data.x.size(1), 1), self.data.x, self.edges)

    @property
    def multiclass(self) -> bool:
        """Whether labels are classes; else they are 0 and 1."""
        return not self.data.y.is_floating_point()

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """Cross-entropy.

        Args:
            logits: Shape ``[n, outputs]``.
            y: Labels.
        """
        return F.cross_entropy(logits, y) if self.multiclass else F.binary_cross_entropy_with_logits(logits, y)

    def score(self, logits: Tensor, part: str) -> float:
        """Accuracy of classes, else ROC-AUC.

        Args:
            logits: Of all nodes.
            part: Of which to take it.
        """
        nodes = self.parts[part]
        y = self.data.y[nodes]
        if self.multiclass:
            return (logits[nodes].argmax(1) == y).float().mean().item()
        return roc_auc(y[:, 0].numpy(), logits[nodes, 0].double().numpy())


@cache
def graph(name: str, fold: int = 0) -> Graph:
    """A data set.

    Args:
        name: Which.
        fold: Which of the given masks, where there are several.
    """
    if name in SIZES:
        data = noisy_graph(SIZES[name])
        parts = {part: data.pop(f"{part}_mask").nonzero().view(-1) for part in ("train", "valid", "test")}
        outputs = SIZES[name].num_classes
    else:
        given = name == "tolokers"
        nodes = load(name, split="given", fold=fold) if given else load(name, split="stratified")
        data, parts, outputs = copy.copy(nodes.data), nodes.splits, nodes.num_tasks
        data.y = nodes.y
    return Graph(data, parts, outputs)


def make_model(data: Graph, cell: dict[str, Any]) -> NodeModel:
    """The model of a cell, its weights drawn from torch's generator.

    Args:
        data: What it is for.
        cell: Settings.
    """
    options: dict[str, Any] = {key: cell[key] for key in ("num_layers", "hidden_channels", "dropout", "norm")}
    sizes = (data.outputs, data.data.x.size(1))
    if not cell["exact_input"] and cell["arm"] != "momentum":
        return GraphSAGE(*sizes, **options)
    gamma: Any = CosineGamma(**cell["gamma"]) if isinstance(cell["gamma"], dict) else cell["gamma"]
    options |= {"gamma": gamma, "gradient": cell["gradient"], "exact_input": cell["exact_input"]}
    return GraphSAGEFM(*sizes, num_nodes=data.data.num_nodes, **options)


def whole_graph(data: Graph, model: NodeModel, nodes: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
    """Logits, and each layer's aggregates, from all neighbours: the same as a batch of all neighbours, or `layerwise`.

    Each layer is computed once for the whole graph, the last one for `nodes` only. This takes a small part of the time
    of sampled batches of all neighbours, as nothing is sampled, and no edges are sorted for the gradient.

    Args:
        data: An undirected graph.
        model: A `GraphSAGE`, with or without tables, which are not used.
        nodes: Whose logits; None: of all.
    """
    h, found = data.data.x.to(torch.float32), []
    for number in range(model.num_layers):
        conv: Any = model.convs[number]
        if number == 0:
            mean = data.input_mean
        elif nodes is None or number < model.num_layers - 1:
            mean = _Means.apply(h, data.edges, data.inverse)
        else:
            begin, row, inverse = data.edges.colptr, data.edges.row, data.inverse
            count = begin.diff()[nodes]
            ends = count.cumsum(0)
            entries = torch.arange(int(ends[-1])) + (begin[nodes] - ends + count).repeat_interleave(count)
            target = torch.arange(len(nodes)).repeat_interleave(count)
            mean = sum_neighbors(h, torch.stack([row[entries], target]), len(nodes), inverse[nodes][target])
            h = h[nodes]
        found.append(mean)
        out = linear(mean, conv.lin_l.weight) + conv.lin_l.bias + linear(h, conv.lin_r.weight)
        h = model.dropout(model.norms[number](out).relu())
    return model.head(h), found


class _Means(torch.autograd.Function):
    """Means over neighbours in an undirected graph: its matrix is symmetric, so both ways are sums over rows."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, edges: InEdges, inverse: Tensor) -> Tensor:
        ctx.edges, ctx.inverse = edges, inverse
        return F.embedding_bag(edges.row, x, edges.colptr, mode="sum", include_last_offset=True) * inverse[:, None]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        grad = grad * ctx.inverse[:, None]
        return F.embedding_bag(ctx.edges.row, grad, ctx.edges.colptr, mode="sum", include_last_offset=True), None, None


def make_loader(data: Graph, cell: dict[str, Any]) -> NeighborLoader:
    """Batches of the training nodes; with exact input the last hop is not sampled.

    Args:
        data: The graph.
        cell: Settings.
    """
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
    """Train; the curve of exact scores, seconds and memory, and the test score where validation was best.

    Args:
        data: The graph.
        cell: Settings; "track": whether to follow the error of the aggregates as well.
    """
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
    """One epoch; returns its mean loss.

    Args:
        data: The graph.
        model: The model.
        loader: Its batches.
        optimizer: What moves its weights.
        whole: Whether to take all neighbours by `whole_graph`, and not those that the loader samples.
    """
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
    """Logits of all nodes in evaluation mode, from all their neighbours.

    Args:
        data: The graph.
        model: The model.
        check: Whether to compare them with those of `layerwise`.

    Raises:
        ValueError: They differ.
    """
    model.eval()
    with torch.no_grad():
        logits = whole_graph(data, model)[0]
    if check:
        other = layerwise(model, data.data.x, data.edges)
        if not torch.allclose(logits, other, rtol=1e-3, atol=1e-3 * float(other.abs().max())):
            raise ValueError(f"whole_graph and layerwise differ by {float((logits - other).abs().max())}")
    return logits


def warm_up(data: Graph, cell: dict[str, Any]) -> None:
    """A small batch by a model of its own, so that no first use is measured.

    Args:
        data: The graph.
        cell: Settings.
    """
    model = make_model(data, cell)
    loader = make_loader(data, {**cell, "batch_size": 8, "fan_out": 1})
    model.train()
    batch = next(iter(loader))
    data.loss(model(batch), batch.y[: batch.batch_size]).backward()


@contextmanager
def measured(*, memory: bool) -> Iterator[dict[str, float]]:
    """Seconds of the process and of the clock, and how much the resident set rose in between.

    Args:
        memory: Whether to measure it.
    """
    used: dict[str, float] = {}
    if memory:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")  # sets the highest to the present resident set
        before = resident("VmRSS")
    wall, cpu = time.perf_counter(), time.process_time()
    yield used
    used |= {"cpu_seconds": time.process_time() - cpu, "wall_seconds": time.perf_counter() - wall}
    if memory:
        used["memory_mib"] = resident("VmHWM") - before


def resident(which: str) -> float:
    """A figure of the process's memory in MiB.

    Args:
        which: VmRSS or VmHWM.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{which}:")) / 1024


def errors(data: Graph, model: NodeModel, cell: dict[str, Any]) -> list[float | None]:
    """‖h̃ − h‖ / ‖h‖ over the training nodes, for each layer; None where the layer takes the exact aggregate.

    h are the aggregates over all neighbours of what the present weights make of all neighbours. h̃ are the rows of the
    tables as training left them. Without momentum they are the sampled aggregates of one pass with the present
    weights, which a model of the same weights with γ = 1 leaves in its tables.

    Args:
        data: The graph.
        model: The model.
        cell: Settings.
    """
    tracked: Any = model
    if cell["arm"] != "momentum":
        once = {**cell, "arm": "momentum", "gamma": 1.0, "gradient": "straight_through", "dropout": 0.0}
        with torch.random.fork_rng(), torch.no_grad():
            tracked = make_model(data, {**once, "gamma": {"gamma_min": 1.0, "epochs": 1}})  # the number: no tables
            tracked.load_state_dict(model.state_dict(), strict=False)
            tracked.train()
            for batch in make_loader(data, {**once, "seed": cell["seed"] + 1000}):
                tracked(batch)
    nodes, found = data.parts["train"], []
    model.eval()
    with torch.no_grad():
        means = whole_graph(data, model)[1]
    for number, mean in enumerate(means):
        if number == 0 and cell["exact_input"]:
            found.append(None)
        else:
            value = tracked.tables[str(number)].table.value[nodes]
            found.append(((value - mean[nodes]).norm() / mean[nodes].norm()).item())
    return found
