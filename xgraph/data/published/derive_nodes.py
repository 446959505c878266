"""Derivation of the files of node data sets from pickles: bytes in, bytes out.

The readers only create arrays and plain containers and reject everything else in a pickle. The result is checked
against the card, like every derived file.
"""

from __future__ import annotations

import io
import pickle
from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgraph.data.storage.archives import read_members
from xgraph.data.storage.download import LARGEST_SOURCE

PLANETOID = ("x", "tx", "allx", "y", "ty", "ally", "graph", "test.index")
_MODULES = ("numpy", "scipy", "collections", "builtins", "copyreg")
_VALID = 500  # number of validation nodes in the public split, which follow the training nodes


def pyg_anomaly(source: bytes, path: str) -> bytes:
    """Return the arrays `x`, `edge_index` and `y` of a zipped PyG object from PyGOD, read with ``weights_only``."""
    import torch

    from xgraph.data.published.allowed import pyg_objects

    members = read_members(io.BytesIO(source), "the source", LARGEST_SOURCE)
    (content,) = (content for name, content in members.items() if name.endswith(".pt"))
    with pyg_objects():
        graph = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return npz(
        x=np.asfortranarray(graph.x.numpy().astype(np.float32)),
        edge_index=np.ascontiguousarray(graph.edge_index.numpy().astype(np.int32)),
        y=graph.y.numpy().astype(np.int8),
    )


def planetoid(source: bytes, path: str) -> bytes:
    """Return a Planetoid graph with its public split, following the GCN paper's code."""
    # The test nodes are in the order of ``test.index``; nodes missing from this list (15 in Citeseer) have no
    # features and label -1.
    files = read_members(io.BytesIO(source), "the source", LARGEST_SOURCE)
    parts = {name: _Arrays(io.BytesIO(files[name]), encoding="latin1").load() for name in PLANETOID[:-1]}
    test = np.array(files["test.index"].split(), dtype=np.int64)
    n, known = int(test.max()) + 1, len(parts["ally"])
    rows: list[tuple[NDArray[Any], NDArray[Any]]] = [(np.empty(0, np.int32), np.empty(0, np.float32))] * n
    y = np.full(n, -1, dtype=np.int16)
    for name, nodes in (("allx", np.arange(known)), ("tx", test)):
        matrix, labels = parts[name], parts[{"allx": "ally", "tx": "ty"}[name]]
        for i, node in enumerate(nodes.tolist()):
            entries = slice(matrix.indptr[i], matrix.indptr[i + 1])
            rows[node] = matrix.indices[entries], matrix.data[entries]
            y[node] = labels[i].argmax()
    pairs = {(node, other) for node, others in parts["graph"].items() for other in others if node != other}
    edges = np.array(sorted(pairs | {(t, s) for s, t in pairs}), dtype=np.int32).reshape(-1, 2).T
    train = len(parts["y"])
    return npz(
        x_data=np.concatenate([data for _, data in rows]).astype(np.float32),
        x_indices=np.concatenate([columns for columns, _ in rows]).astype(np.int32),
        x_indptr=np.concatenate([[0], np.cumsum([len(columns) for columns, _ in rows])]).astype(np.int32),
        x_shape=np.array([n, parts["allx"].shape[1]], dtype=np.int64),
        edge_index=edges,
        y=y,
        train_idx=np.arange(train, dtype=np.int64),
        val_idx=np.arange(train, train + _VALID, dtype=np.int64),
        test_idx=np.sort(test),
    )


def nifty_edges(source: bytes, path: str) -> bytes:
    """Return the array `edges` of a text file with the two ends of an edge in each line, written as decimals."""
    pairs = [[int(float(end)) for end in line.split()] for line in source.decode("ascii").splitlines()]
    return npz(edges=np.array(pairs, dtype=np.int32).reshape(-1, 2))


def npz(**arrays: NDArray[Any]) -> bytes:
    """Return a compressed npz file of these arrays, in this order."""
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **arrays)
    return out.getvalue()


class _Sparse:
    """The arrays of a SciPy sparse matrix."""

    data: NDArray[Any]
    indices: NDArray[Any]
    indptr: NDArray[Any]
    shape: tuple[int, int]

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.data, self.indices, self.indptr = state["data"], state["indices"], state["indptr"]
        self.shape = state["_shape"] if "_shape" in state else state["shape"]


class _Arrays(pickle.Unpickler):
    """Reads arrays, SciPy's sparse matrices and dicts of lists, and rejects everything else."""

    def find_class(self, module: str, name: str) -> Any:
        allowed = {
            "_reconstruct": lambda kind, shape, dtype: np.ndarray(shape, dtype),
            "ndarray": np.ndarray,
            "dtype": np.dtype,
            "csr_matrix": _Sparse,
            "defaultdict": defaultdict,
            "list": list,
            # used by pickles of protocol 0 and 1
            "_reconstructor": lambda kind, base, state: kind(),
            "object": object,
        }
        if name not in allowed or module.split(".")[0] not in _MODULES:
            raise pickle.UnpicklingError(f"the file refers to {module}.{name}, which is not allowed")
        return allowed[name]
