"""Storage of the instances of bags: a tensor, a file larger than memory, or graphs."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Batch, Data

from xgraph.data.bags.mapped_instances import MappedStore, Rows, Store, mapped
from xgraph.data.molecules.packed import PackedGraphs
from xgraph.data.storage.root import expanded

if TYPE_CHECKING:
    from xgraph.data.molecules.dataset import MoleculeDataset

Instances: TypeAlias = "Tensor | NDArray[Any] | str | Path | Sequence[Data] | MoleculeDataset | Store"
_LABELS = ("y", "idx", "batch", "bag")  # attributes of instances that a batch of bags replaces
_CHECKED = 1 << 24  # numbers checked together


class RowStore(Rows):
    """Instances as rows of one tensor in memory: feature vectors, or images."""

    def __init__(self, x: Tensor) -> None:
        if x.dim() not in (2, 4) or x.layout != torch.strided or x.is_complex():
            raise ValueError(
                f"instances must be a dense real tensor of shape [N, C] or [N, channels, height, width], got "
                f"{str(x.dtype).removeprefix('torch.')} {list(x.shape)}"
            )
        self.x = x.detach()

    def take(self, rows: Tensor) -> Data:
        """Return instances as `x`, float32 ``[n, ...]``, without scaling."""
        return Data(x=self.x[rows.to(self.x.device)].float())

    def unusable(self) -> int | None:
        """Return the first row with a number that is not finite, or None."""
        step = max(_CHECKED // max(int(np.prod(self.shape)), 1), 1)
        for start in range(0, len(self.x), step):
            part = self.x[start : start + step]
            row = unusable_row(part.float() if part.dtype == torch.float64 else part)  # the type of batches
            if row is not None:
                return start + row
        return None


class GraphStore(Store):
    """Instances as graphs."""

    shape: tuple[int, ...] = ()

    def __init__(self, graphs: Sequence[Data] | PackedGraphs) -> None:
        self.graphs = graphs if isinstance(graphs, PackedGraphs) else list(graphs)
        if isinstance(self.graphs, list):
            wrong = next((i for i, graph in enumerate(self.graphs) if not isinstance(graph, Data)), None)
            if wrong is not None:
                kind = type(self.graphs[wrong]).__name__
                raise TypeError(f"instances must be PyG Data objects, but instance {wrong} is of type {kind}")

    def __len__(self) -> int:
        return len(self.graphs)

    @property
    def num_features(self) -> int:
        """Number of features of a node."""
        if isinstance(self.graphs, PackedGraphs):
            return int(self.graphs.x.shape[1])
        return int(self.graphs[0].num_node_features) if self.graphs else 0

    def take(self, rows: Tensor) -> Batch:
        """Return instances as one batch of graphs, without their own labels."""
        if isinstance(self.graphs, PackedGraphs):
            return self.graphs.batch(rows.numpy())
        return Batch.from_data_list([self.graphs[row] for row in rows.tolist()], exclude_keys=list(_LABELS))

    def unusable(self) -> int | None:
        """Return the first graph with a number that is not finite, or None."""
        if isinstance(self.graphs, PackedGraphs):
            return None
        for i, graph in enumerate(self.graphs):
            values = (graph.get(key) for key in ("x", "edge_attr", "edge_weight", "pos"))
            if any(isinstance(value, Tensor) and unusable_row(value) is not None for value in values):
                return i
        return None


def make_store(instances: Instances) -> Store:
    """Create the store for instances of any supported type."""
    if isinstance(instances, str | Path):
        instances = mapped(expanded(instances))
    if isinstance(instances, Store):
        return instances
    if isinstance(instances, Tensor):
        return RowStore(instances)
    if isinstance(instances, np.memmap):
        return MappedStore(instances)
    if isinstance(instances, np.ndarray):
        if not instances.dtype.isnative or min(instances.strides, default=0) < 0:  # not supported by torch
            instances = np.array(instances, dtype=instances.dtype.newbyteorder("="))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            try:
                return RowStore(torch.from_numpy(instances))
            except TypeError as error:
                raise ValueError(f"instances must be numeric, got an array of {instances.dtype}") from error
    from xgraph.data.molecules.dataset import MoleculeDataset  # importing RDKit is slow

    if isinstance(instances, MoleculeDataset):
        return GraphStore(instances.graphs)
    if isinstance(instances, Sequence):
        return GraphStore(instances)
    raise TypeError(
        f"instances must be a tensor, an array, the path of an npy file, graphs or a MoleculeDataset, got "
        f"{type(instances).__name__}"
    )


def unusable_row(x: Tensor) -> int | None:
    """The first row with a number that is not finite; None if there is none."""
    if not x.is_floating_point() or not x.numel():
        return None
    good = x.isfinite()
    return None if bool(good.all()) else int((~good.reshape(len(x), -1).all(1)).nonzero()[0])
