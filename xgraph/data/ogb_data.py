"""Data sets of the Open Graph Benchmark, read by the `ogb` package on today's torch and given in our form."""

from __future__ import annotations

import gzip
import warnings
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data, HeteroData
from torch_geometric.utils import to_undirected

from xgraph.data.memory_map import map_npz
from xgraph.data.node_load import TASKS, task_names
from xgraph.data.nodes import NodeDataset
from xgraph.data.ogb_files import obtain_ogb, ogb_meta
from xgraph.data.ogb_import import quiet, without_version_check
from xgraph.data.root import Progress
from xgraph.data.schema import Card

if TYPE_CHECKING:
    from xgraph.data.graphs import GraphDataset

_CHUNK = 1 << 22  # edges whose features are summed at once
_PARTS = ("train", "valid", "test")


def load_ogb_nodes(card: Card, *, root: Path | None = None, progress: Progress | None = None) -> NodeDataset:
    """The nodes of an OGB graph with its official split.

    ogbn-arxiv and the citations of ogbn-mag are given in both directions, and ogbn-mag's other relations with a
    reverse one (``rev_...``), as OGB's own examples do; ogbn-proteins' nodes have the mean of their edges' features.
    Of ogbn-papers100M nothing large is read: features (in the precision of the file) and edges are mapped from disk.

    Args:
        card: the data set.
        root: folder that holds what was fetched, if not that of the environment.
        progress: called with (done, total, what).

    Raises:
        FetchError: if the release cannot be had.
        ValueError: if it is damaged.
    """
    folder = obtain_ogb(card, folder=root, progress=progress)
    if progress is not None:
        progress(0, 0, f"reading {card.name}")
    meta = ogb_meta(card.name)
    splits: dict[str, Any]
    if meta["binary"] == "True":
        graph, y, splits = _read_mapped(folder, meta["split"], progress)
    else:
        opened = read_ogb("node", card.name, folder)
        with _storage_classes():
            splits = opened.get_idx_split()
        graph = opened[0]
        y = graph.y_dict["paper"] if card.name == "ogbn-mag" else graph.y
    data: Data | HeteroData
    node_type = None
    if card.name == "ogbn-mag":
        node_type = "paper"
        data = _hetero(graph)
        splits = {part: nodes[node_type] for part, nodes in splits.items()}
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
        splits={part: torch.as_tensor(splits[part]) for part in _PARTS},
        node_type=node_type,
    )


def load_ogb_graphs(card: Card, *, root: Path | None = None, progress: Progress | None = None) -> GraphDataset:
    """The graphs of an OGB data set that are no molecules, with the official split.

    Args:
        card: the data set.
        root: folder that holds what was fetched, if not that of the environment.
        progress: called with (done, total, what).

    Raises:
        FetchError: if the release cannot be had.
        ValueError: if it is damaged.
    """
    from xgraph.data.graphs import GraphDataset

    folder = obtain_ogb(card, folder=root, progress=progress)
    if progress is not None:
        progress(0, 0, f"reading {card.name}")
    opened = read_ogb("graph", card.name, folder)
    with _storage_classes():
        splits = opened.get_idx_split()
    return GraphDataset(
        opened,
        _classes(opened._data.y),
        name=card.name,
        class_names=task_names(card),
        metric=card.metric,
        splits={part: splits[part] for part in _PARTS},
    )


def read_ogb(kind: Literal["node", "graph"], name: str, folder: Path) -> Any:
    """A data set as `ogb`'s class for PyG reads it, without network, prompt or print.

    What the class makes of the files it keeps beside them; if that turns out damaged, it is made anew.

    Args:
        kind: of what it predicts properties.
        name: the data set.
        folder: its unpacked release.

    Raises:
        ValueError: if the release is damaged.
    """
    with without_version_check():
        if kind == "node":
            from ogb.nodeproppred import PygNodePropPredDataset as Base
        else:
            from ogb.graphproppred import PygGraphPropPredDataset as Base

    class Reader(Base):  # type: ignore[misc]
        def download(self) -> None:  # `ogb` would ask on the terminal, and fetch
            raise FileNotFoundError("some of its files are missing")

    processed = folder / "processed" / "geometric_data_processed.pt"
    for kept in (processed.exists(), False):
        try:
            with _storage_classes(), quiet(), warnings.catch_warnings():
                # pandas gives arrays that must not be written to, and `ogb` does not write to them
                warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
                opened = Reader(name, root=str(folder.parent))
            break
        except Exception as error:  # pandas, gzip, torch and `ogb` raise many types for damaged files
            processed.unlink(missing_ok=True)
            if not kept:
                remedy = "delete the folder to fetch it anew"
                raise ValueError(f"cannot read {folder}: {str(error) or type(error).__name__}; {remedy}") from error
    for leftover in ("pre_transform.pt", "pre_filter.pt"):
        # PyG reads these as full pickles the next time; without them it reads nothing so.
        (folder / "processed" / leftover).unlink(missing_ok=True)
    return opened


def _storage_classes() -> Any:
    """Allow `torch.load` the three classes that PyG's objects are stored with, and no other."""
    from torch_geometric.data.data import DataEdgeAttr, DataTensorAttr
    from torch_geometric.data.storage import GlobalStorage

    return torch.serialization.safe_globals([DataEdgeAttr, DataTensorAttr, GlobalStorage])


def mean_of_edges(edge_index: Tensor, edge_attr: Tensor, num_nodes: int) -> Tensor:
    """Mean of the features of each node's incoming edges; 0 where there are none.

    Args:
        edge_index: int64 [2, E].
        edge_attr: [E, F].
        num_nodes: N.

    Returns:
        float32 [N, F].

    Example:
        >>> mean_of_edges(torch.tensor([[0, 1], [1, 1]]), torch.tensor([[1.0], [2.0]]), 2)
        tensor([[0.0000],
                [1.5000]])
    """
    total = torch.zeros(num_nodes, edge_attr.size(1))
    for start in range(0, edge_index.size(1), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        total.index_add_(0, edge_index[1, chunk], edge_attr[chunk].float())
    return total / torch.bincount(edge_index[1], minlength=num_nodes).clamp(min=1).unsqueeze(1)


def _classes(y: Tensor) -> Tensor:
    """Classes as int64 [n], -1 where `ogb` has NaN."""
    flat = y.reshape(-1)
    return flat.nan_to_num(nan=-1).long() if flat.is_floating_point() else flat.long()


def _hetero(graph: Data) -> HeteroData:
    """`ogb`'s dictionaries as PyG's HeteroData, with the reverse of each relation."""
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


def _read_mapped(folder: Path, split: str, progress: Progress | None) -> tuple[Data, Tensor, dict[str, Any]]:
    """A graph in OGB's binary form; `ogb` itself would hold it twice in memory."""
    raw, kept = folder / "raw", folder / "processed" / "arrays"
    names = ("edge_index", "node_feat", "node_year", "num_nodes_list")
    arrays = map_npz(raw / "data.npz", kept, names, progress)
    labels = map_npz(raw / "node-label.npz", kept, ("node_label",), progress)
    lost = [name for name in ("edge_index", "num_nodes_list") if name not in arrays]
    if lost or "node_label" not in labels:
        raise ValueError(f"{raw} lacks the array {(lost or ['node_label'])[0]}; delete {folder} to fetch it anew")
    data = Data(edge_index=torch.from_numpy(arrays["edge_index"]), num_nodes=int(arrays["num_nodes_list"][0]))
    if "node_feat" in arrays:
        data.x = torch.from_numpy(arrays["node_feat"])
    if "node_year" in arrays:
        data.node_year = torch.from_numpy(arrays["node_year"])
    splits = {part: _read_nodes(folder / "split" / split / f"{part}.csv.gz") for part in _PARTS}
    return data, torch.from_numpy(labels["node_label"]), splits


def _read_nodes(path: Path) -> Tensor:
    try:
        return torch.from_numpy(np.array(gzip.decompress(path.read_bytes()).split(), dtype=np.int64))
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise ValueError(f"cannot read {path}: {error}") from error
