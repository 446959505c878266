"""Loading of registered node data sets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch

from xgraph.data.cards.files import obtain
from xgraph.data.cards.schema import Card
from xgraph.data.nodes.splits import read_node_split, stratified_split
from xgraph.data.published.nodes import read_nodes
from xgraph.data.storage.root import Progress

if TYPE_CHECKING:
    from xgraph.data.nodes.dataset import NodeDataset, Task

TASKS: dict[str, Task] = {
    "binary classification": "binary",
    "multi-task binary classification": "multilabel",
    "multiclass classification": "multiclass",
}


def load_nodes(
    card: Card,
    split: Literal["given", "stratified", "random"],
    *,
    fold: int | None = None,
    seed: int = 0,
    fair_column: str | None = None,
    root: Path | None = None,
    progress: Progress | None = None,
) -> NodeDataset:
    """Load the nodes of a card's graph."""
    from xgraph.data.nodes.dataset import NodeDataset

    paths = {file.path: obtain(card, file, folder=root, progress=progress) for file in card.files}
    graph = read_nodes(card.reader, list(paths.values()), card.class_names)
    if len(graph.y) != card.items:
        raise ValueError(f"{card.name} should have {card.items} nodes, but its files have {len(graph.y)}")
    if split == "given" and card.given is not None:
        parts = read_node_split(card.given, fold, len(graph.y), paths[card.given.file])
    else:
        parts = stratified_split(graph.y, seed=seed if split == "random" else 0)
    return NodeDataset.from_arrays(
        graph,
        name=card.name,
        task=TASKS[card.task],
        task_names=task_names(card),
        metric=card.metric,
        splits={part: torch.from_numpy(nodes) for part, nodes in parts.items()},
        fair_column=fair_column,
    )


def task_names(card: Card) -> list[str]:
    """Return the names of a model's outputs: the tasks, or the classes (their numbers if they have no names)."""
    if card.num_classes == 0:
        return card.target_columns
    return card.class_names or [str(number) for number in range(card.num_classes)]
