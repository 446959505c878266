"""The attributes of a graph, gathered for the nodes and edges of a batch."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from xgraph.sampling.memory.buffers import MOST, Buffers
from xgraph.sampling.memory.features import FeatureStore, as_rows, to_device
from xgraph.sampling.memory.storage import Placement

if TYPE_CHECKING:
    from torch_geometric.data import Data, HeteroData
    from torch_geometric.sampler import HeteroSamplerOutput, SamplerOutput

ADJACENCY = ("adj_t", "adj")
ALIGNED = ("x", "y", "pos", "edge_attr", "edge_weight")
FIELDS = ("node", "row", "col", "edge", "batch", "num_sampled_nodes", "num_sampled_edges")


class Attributes:
    """All attributes of a graph with one row per node or edge, prepared for gathering batches."""

    def __init__(
        self, data: Data | HeteroData, placement: Placement, *, sparse: bool = False, most: int = MOST
    ) -> None:
        self.placement = placement
        self._template = copy.copy(data)
        self._nodes: dict[Any, dict[str, Rows]] = {}  # by node type and attribute name
        self._edges: dict[Any, dict[str, Rows]] = {}
        self._buffers = Buffers(most * len(self._template.edge_stores))
        for store in self._template.stores:
            nodes, edges = self._nodes.setdefault(store._key, {}), self._edges.setdefault(store._key, {})
            if not hasattr(type(store), "is_node_attr"):
                continue  # a store of a heterogeneous graph that holds neither nodes nor edges
            # Query PyG before attributes are removed: it infers numbers of nodes and edges from them.
            levels = [(name, store.is_node_attr(name), store.is_edge_attr(name)) for name in store.keys()]  # noqa: SIM118
            for name, node_level, edge_level in levels:
                if not (node_level or edge_level):
                    check_length(data, store, name)
            for name, node_level, edge_level in levels:
                value = store[name]
                if name in ADJACENCY:
                    del store[name]  # redundant with edge_index, which each batch has its own of
                elif node_level or edge_level or name == "edge_index":
                    if name != "edge_index":
                        dim = self._template.__cat_dim__(name, value, store)
                        (nodes if node_level else edges)[name] = Rows(
                            value, dim, placement, name, sparse=sparse, most=most
                        )
                    store[name] = no_ids()  # a placeholder, so that batches list attributes in the graph's order
                elif isinstance(value, Tensor):
                    store[name] = value.to(placement.device)
            store.__dict__.pop("_cached_attr", None)  # PyG's cache for this graph is wrong for batches

    def __repr__(self) -> str:
        levels = []
        for what, attributes in (("node", self._nodes), ("edge", self._edges)):
            names = [name if key is None else f"{key}.{name}" for key, rows in attributes.items() for name in rows]
            levels.append(f"{what}-level: {', '.join(names) or 'none'}")
        return f"{type(self).__name__}({'; '.join(levels)})"

    def batch(self, sampled: SamplerOutput | HeteroSamplerOutput) -> Data | HeteroData:
        """Return a sampled subgraph with its attributes, ``n_id``, ``e_id`` and numbers of nodes and edges per hop."""
        out = copy.copy(self._template)

        def part(key: Any) -> dict[str, Any]:
            values = ((name, getattr(sampled, name)) for name in FIELDS)
            return {name: (value or {}).get(key) if key is not None else value for name, value in values}

        for store in out.node_stores:
            self._fill_nodes(store, part(store._key))
        for store in out.edge_stores:
            self._fill_edges(store, part(store._key))
        return out

    def _fill_nodes(self, store: Any, part: dict[str, Any]) -> None:
        index = no_ids() if part["node"] is None else part["node"]
        values = {name: rows.take(index) for name, rows in self._nodes[store._key].items()}
        if "num_nodes" in store:
            values["num_nodes"] = index.numel()
        values["n_id"] = to_device(index, self.placement.device)
        if part["batch"] is not None:
            values["batch"] = to_device(part["batch"], self.placement.device)
        store._mapping.update(values, num_sampled_nodes=part["num_sampled_nodes"])  # setting them one by one is slow

    def _fill_edges(self, store: Any, part: dict[str, Any]) -> None:
        row, col, index = (no_ids() if part[name] is None else part[name] for name in ("row", "col", "edge"))
        values = {"edge_index": self._stack(row, col)}
        values |= {name: rows.take(index) for name, rows in self._edges[store._key].items()}
        values["e_id"] = to_device(index, self.placement.device)
        store._mapping.update(values, num_sampled_edges=part["num_sampled_edges"])

    def _stack(self, row: Tensor, col: Tensor) -> Tensor:
        device, size = self.placement.device, (2, len(row))
        if row.is_cuda:
            return torch.stack([row, col])
        if device.type == "cpu":
            return torch.stack([row, col], out=self._buffers.empty(size, row.dtype))
        pinned = torch.empty(
            size, dtype=row.dtype, pin_memory=True
        )  # torch does not reuse it before the copy has finished
        return torch.stack([row, col], out=pinned).to(device, non_blocking=True)


class Rows:
    """An attribute with one entry per node or edge."""

    def __init__(
        self,
        value: Any,
        dim: int,
        placement: Placement,
        name: str = "value",
        *,
        sparse: bool = False,
        most: int = MOST,
    ) -> None:
        self.dim = dim
        self.value = value
        if isinstance(value, Tensor | np.ndarray):
            if isinstance(value, Tensor) and value.requires_grad:
                raise ValueError(
                    f"{name} must not require a gradient, because batches hold copies that pass on none: look up "
                    "learnable vectors in the model, such as embedding(batch.n_id), or pass them detached"
                )
            rows = as_rows(value, name)
            rows = rows if dim == 0 else rows.movedim(dim, 0)
            self.value = FeatureStore(rows, placement.device, placement.storage, name=name, most=most)
        self.sparse = sparse and isinstance(self.value, FeatureStore) and self.value.is_sparse

    def take(self, index: Tensor) -> Any:
        """Return the entries of `index`."""
        if isinstance(self.value, FeatureStore):
            taken = self.value.gather(index, sparse=self.sparse)
            return taken if self.dim == 0 else taken.movedim(0, self.dim).contiguous()
        if isinstance(self.value, list | tuple):
            return [self.value[i] for i in index.tolist()]
        return self.value[index.cpu()]  # a PyTorch Frame table


def check_length(data: Data | HeteroData, store: Any, name: str) -> None:
    """Raise an error if features, labels, masks or weights have neither one entry per node nor one per edge."""
    value = store[name]
    if not (name in ALIGNED or name.endswith("_mask")) or not hasattr(value, "__len__") or isinstance(value, str):
        return
    if isinstance(value, Tensor | np.ndarray):
        if value.ndim == 0:
            return
        length = value.shape[data.__cat_dim__(name, value, store)]
    else:
        length = len(value)
    kind = store._key
    sizes = [] if isinstance(kind, tuple) else [f"{store.num_nodes} nodes"]
    sizes += [] if isinstance(kind, str) else [f"{store.num_edges} edges"]
    of_kind = "" if kind is None else f" of {kind!r}"
    raise ValueError(f"{name}{of_kind} must have one entry for each of {' or '.join(sizes)}, got {length}")


def bytes_of(data: Data | HeteroData, placement: Placement) -> int:
    """Return how much memory the attributes of a graph take in their storage, without the edges."""
    values = (value for store in data.stores for name, value in store.items() if name not in ("edge_index", *ADJACENCY))
    return sum(placement.cost(as_rows(v)) for v in values if isinstance(v, Tensor | np.ndarray) and v.ndim > 0)


def no_ids() -> Tensor:
    """Return an empty tensor of ids."""
    return torch.empty(0, dtype=torch.int64)
