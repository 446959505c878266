"""Explanations of nodes: the contributions of features and of neighbours, on a sampled neighbourhood."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.explain import Explainer

from xgraph.data.tables.dialect import TextFormat
from xgraph.explanations.gradients import IntegratedGradients
from xgraph.explanations.methods import models_of
from xgraph.explanations.names import SLOPE
from xgraph.explanations.results import Table, unit_of
from xgraph.explanations.scored import log_odds
from xgraph.options import OptionError
from xgraph.training.files.saved_model import loss_link
from xgraph.training.prediction.members import Members
from xgraph.training.prediction.new_nodes import graph_form, read_nodes_to_score
from xgraph.training.prediction.nodes import names_of, positions
from xgraph.training.prediction.objects import as_graph

NEIGHBORS = 50
"""Number of neighbours of a node that are drawn at most; of nodes with fewer all are used."""

MOST = 1_000
"""Number of nodes that are explained at most."""

SHOWN = 50
"""Number of features and of neighbours with the largest attributions that have a row."""

COLUMNS = ("node", "task", "score", "part", "name", "hop", "attribution", "error")


class _OfFeatures(nn.Module):
    """A node model as a function of the features of a sampled batch, whose first node is scored."""

    def __init__(self, model: Any, task: int, link: str) -> None:
        super().__init__()
        self.model, self.task, self.link = model.eval().requires_grad_(False), task, link
        self.eval()

    def forward(self, x: Tensor, edge_index: Tensor, sampled: Any) -> Tensor:
        batch = sampled.clone()
        batch.x, batch.edge_index = x, edge_index
        return log_odds(self.model(batch), self.task, self.link)


def explain_nodes(
    members: Members, items: Any, tasks: list[int], method: str | None, steps: int, **form: str | None
) -> Table:
    """Explain the scores of nodes, given as for `predict`."""
    import pandas as pd

    every, _, chosen, _ = models_of(members, "node", method)
    models = [model.to(members.device) for model in every]
    data, names, numbers, labels = _found(members, items, **form)
    if len(numbers) > MOST:
        raise OptionError(
            f"items: {len(numbers):,} nodes; expected at most {MOST:,}, which are named in a list or file"
        )
    features = list(members.header.get("feature_names") or ())
    rows: list[dict[str, Any]] = []
    for number, name in zip(numbers.tolist(), names, strict=True):
        if number < 0:
            rows.append({"node": name, "error": "no node is named in this row"})
            continue
        for task in tasks:
            each = [
                _of_node(model, data, number, task, loss_link(state), 0 if chosen == SLOPE else steps)
                for model, state in zip(models, members.states, strict=True)
            ]
            score = float(np.mean([one[0] for one in each]))
            values, (n_id, hop) = np.mean([one[1] for one in each], axis=0), each[0][2]
            start = {"node": name, "task": members.tasks[task], "score": score}
            rows += [{**start, **one} for one in _rows(values, n_id, hop, features, labels)]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    frame["hop"] = frame["hop"].astype("Int64")
    for name in ("part", "name", "error"):
        frame[name] = frame[name].astype(object).fillna("")
    note = f"of nodes with more than {NEIGHBORS} neighbours, {NEIGHBORS} are drawn"
    return Table(frame, chosen, unit_of(loss_link(members.states[0])), note)


def _of_node(
    model: Any, data: Any, number: int, task: int, link: str, steps: int
) -> tuple[float, Any, tuple[Any, Any]]:
    """Return the score of a node, the attributions of the features around it, ``[n, C]``, and these nodes."""
    from xgraph.sampling import NeighborLoader
    from xgraph.training.scoring.inference import as_scores

    hops = [NEIGHBORS] * model.num_layers
    device = next(model.parameters()).device
    loader = NeighborLoader(data, hops, torch.tensor([number]), batch_size=1, seed=number, shuffle=False)
    batch = next(iter(loader)).to(device)
    x = (batch.x.to_dense() if batch.x.layout != torch.strided else batch.x).to(next(model.parameters()).dtype)
    explainer = Explainer(
        _OfFeatures(model, task, link),
        IntegratedGradients(steps),
        explanation_type="model",
        node_mask_type="attributes",
        model_config={"mode": "regression", "task_level": "node", "return_type": "raw"},
    )
    found = explainer(x, batch.edge_index, sampled=batch)
    sampled = batch.clone()
    sampled.x = x
    with torch.inference_mode():
        score = as_scores(model(sampled).double().cpu().numpy(), link)[0, task]
    hop = np.repeat(np.arange(len(batch.num_sampled_nodes)), [int(n) for n in batch.num_sampled_nodes])
    return float(score), found.node_mask.double().cpu().numpy(), (batch.n_id.cpu().numpy(), hop)


def _rows(values: Any, n_id: Any, hop: Any, features: list[str], labels: Any) -> list[dict[str, Any]]:
    """Return the largest sums over nodes for each feature, and over features for each node, and those of the others."""
    of_features = [
        ("feature", features[i] if features else str(i), None, value) for i, value in enumerate(values.sum(0))
    ]
    nodes = zip(labels(n_id), hop.tolist(), values.sum(1), strict=True)
    of_nodes = [("node", str(name), distance, value) for name, distance, value in nodes]
    rows = []
    for part in (of_features, of_nodes):
        order = sorted((one for one in part if one[3]), key=lambda one: -abs(one[3]))
        chosen = order[:SHOWN]
        if len(order) > SHOWN:
            chosen.append((order[0][0], "all others", None, float(sum(one[3] for one in order[SHOWN:]))))
        rows += [dict(zip(("part", "name", "hop", "attribution"), one, strict=True)) for one in chosen]
    return rows


def _found(members: Members, items: Any, **form: str | None) -> tuple[Any, Any, Any, Any]:
    """Return the graph, the names and numbers of the nodes to explain, and a function that names nodes by number."""
    from torch_geometric.data import Data

    kind = graph_form(items)
    if kind is not None:
        new = read_nodes_to_score(members, Path(items).expanduser(), kind, None, TextFormat(**form))
        numbers = new.rows.numpy()
        known = dict(zip(numbers.tolist(), new.names, strict=True))
        graph = Data(x=new.x, edge_index=new.edge_index, num_nodes=len(new.x))
        return graph, list(new.names), numbers, lambda index: [known.get(i, i) for i in index.tolist()]
    given = as_graph(items, int(members.header["model_arguments"]["in_channels"]))
    if given is not None:
        every = np.arange(len(given[0]))
        return Data(x=given[0], edge_index=given[1], num_nodes=len(every)), every, every, lambda index: index
    sources = list(members.own_sources("graph", "nodes"))
    data = sources[0].data
    numbers = positions(items, data, **form)
    names = [names_of(data, np.array([i]))[0] if i >= 0 else "" for i in numbers.tolist()]
    return data.data, names, numbers, lambda index: names_of(data, index)
