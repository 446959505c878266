"""Loading of the Open Graph Benchmark's data sets, read by the `ogb` package and converted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch_geometric.data import Data, HeteroData
from torch_geometric.utils import to_undirected

from xgraph.data.cards.ogb_files import obtain_ogb, ogb_meta
from xgraph.data.cards.schema import Card
from xgraph.data.nodes.dataset import NodeDataset
from xgraph.data.nodes.load import TASKS, task_names
from xgraph.data.ogb.read import read_mapped, read_ogb, read_split
from xgraph.data.storage.root import Progress

if TYPE_CHECKING:
    from xgraph.data.ogb.graphs import GraphDataset

_CHUNK = 1 << 22  # edges whose features are summed together


def load_ogb_nodes(card: Card, *, root: Path | None = None, progress: Progress | None = None) -> NodeDataset:
    """Load the nodes of an OGB graph with the official split."""
    # As in OGB's examples, ogbn-arxiv and the citations of ogbn-mag are undirected, the other relations of ogbn-mag
    # have a reverse relation (``rev_...``), and the nodes of ogbn-proteins have the mean of their edges' features.
    # ogbn-papers100M is not loaded into memory: its features (in the precision of the file) and edges are
    # memory-mapped, and the edges are read once to check them.
    folder = obtain_ogb(card, folder=root, progress=progress)
    if progress is not None:
        progress(0, 0, f"reading {card.name}")
    meta = ogb_meta(card.name)
    node_type = "paper" if card.name == "ogbn-mag" else None
    if meta["binary"] == "True":
        graph, y = read_mapped(folder, progress)
    else:
        graph = read_ogb("node", card.name, folder)[0]
        y = graph.y if node_type is None else graph.y_dict[node_type]
    data: Data | HeteroData
    if node_type is not None:
        data = _hetero(graph)
    else:
        data = graph
        if "y" in data:
            del data.y
    if card.name == "ogbn-arxiv":
        data.edge_index = to_undirected(data.edge_index, num_nodes=data.num_nodes)
    if card.name == "ogbn-proteins":
        data.x = mean_of_edges(data.edge_index, data.edge_attr, int(data.num_nodes))
    task = TASKS[card.task]
    return NodeDataset(
        data,
        _classes(y) if task == "multiclass" else y.float(),
        name=card.name,
        task=task,
        task_names=task_names(card),
        metric=card.metric,
        splits=read_split(folder, Path(meta["split"], node_type or "")),
        node_type=node_type,
    )


def load_ogb_graphs(card: Card, *, root: Path | None = None, progress: Progress | None = None) -> GraphDataset:
    """Load the graphs of an OGB data set other than molecules, with the official split."""
    from xgraph.data.ogb.graphs import GraphDataset

    folder = obtain_ogb(card, folder=root, progress=progress)
    if progress is not None:
        progress(0, 0, f"reading {card.name}")
    opened = read_ogb("graph", card.name, folder)
    return GraphDataset(
        opened,
        _classes(opened._data.y),
        name=card.name,
        class_names=task_names(card),
        metric=card.metric,
        splits=read_split(folder, Path(ogb_meta(card.name)["split"])),
    )


def mean_of_edges(edge_index: Tensor, edge_attr: Tensor, num_nodes: int) -> Tensor:
    """Return the mean of the features of each node's incoming edges; 0 for a node without edges."""
    total = torch.zeros(num_nodes, edge_attr.size(1))
    for start in range(0, edge_index.size(1), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        total.index_add_(0, edge_index[1, chunk], edge_attr[chunk].float())
    return total / torch.bincount(edge_index[1], minlength=num_nodes).clamp(min=1).unsqueeze(1)


def _classes(y: Tensor) -> Tensor:
    """Convert classes to int64 [n], with -1 for NaN."""
    flat = y.reshape(-1)
    return flat.nan_to_num(nan=-1).long() if flat.is_floating_point() else flat.long()


def _hetero(graph: Data) -> HeteroData:
    """Convert `ogb`'s dictionaries to PyG's HeteroData, with the reverse of each relation."""
    data = HeteroData()
    for kind, count in graph.num_nodes_dict.items():
        data[kind].num_nodes = int(count)
    for kind, x in graph.x_dict.items():
        data[kind].x = x
    for kind, year in graph.get("node_year", {}).items():
        data[kind].node_year = year
    for (source, relation, target), edges in graph.edge_index_dict.items():
        if source == target:
            count = int(graph.num_nodes_dict[source])
            data[source, relation, target].edge_index = to_undirected(edges, num_nodes=count)
        else:
            data[source, relation, target].edge_index = edges
            data[target, f"rev_{relation}", source].edge_index = edges.flip(0)
    return data
