"""The PyG classes that `torch.load` may create."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def pyg_objects() -> Iterator[None]:
    """Let ``torch.load(weights_only=True)`` also create PyG's `Data` and `HeteroData`, but nothing else."""
    from torch_geometric.data import Data, HeteroData
    from torch_geometric.data.data import DataEdgeAttr, DataTensorAttr
    from torch_geometric.data.storage import BaseStorage, EdgeStorage, GlobalStorage, NodeStorage

    before = torch.serialization.get_safe_globals()
    classes = (Data, DataEdgeAttr, DataTensorAttr, GlobalStorage, HeteroData, BaseStorage, NodeStorage, EdgeStorage)
    with torch.serialization.safe_globals([cls for cls in classes if cls not in before]):
        yield
