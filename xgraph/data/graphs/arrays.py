"""Graphs in `.npz` files: features and edges, dense or as compressed sparse rows, labels and parts."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgraph.data.graphs.graph import OwnGraph, check_range, describe_edges
from xgraph.data.graphs.nodes import check_features
from xgraph.data.graphs.parts import GivenParts
from xgraph.data.published.edges import tidy_edges
from xgraph.data.published.nodes import Rows
from xgraph.data.published.reading import reading
from xgraph.data.storage.damaged import DAMAGED_ARCHIVE
from xgraph.messages import listed

DENSE = ("x", "features", "node_features", "attr")
SPARSE = ("x", "attr")
ADJACENCY = ("adj", "adj_matrix")
LABELS = ("y", "labels", "label", "node_labels")
PARTS = {
    "train": ("train_mask", "train_masks", "train_idx", "train"),
    "valid": ("val_mask", "val_masks", "valid_mask", "val_idx", "valid_idx", "valid", "val"),
    "test": ("test_mask", "test_masks", "test_idx", "test"),
}
_CSR = ("data", "indices", "indptr", "shape")


def names_in(path: Path) -> list[str]:
    """Return the names of a file's arrays without reading them; empty if it is no such file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()]
    except (*DAMAGED_ARCHIVE, OSError):
        return []


def holds_graph(path: Path) -> bool:
    """Whether a file has edges under one of the names that are read."""
    names = names_in(path)
    return "edge_index" in names or "edges" in names or any(f"{stem}_indptr" in names for stem in ADJACENCY)


def read_labels_of(path: Path) -> dict[str, Any]:
    """Return the label column of a file, as text."""
    with reading([path]), np.load(path, allow_pickle=False) as arrays:
        return _labels(arrays)


def read_npz(path: Path, *, directed: bool | None = None, fold: int | None = None) -> OwnGraph:
    """Read a graph; object arrays are pickles and are never read.

    Raises:
        ValueError: If an array is missing or has the wrong shape, or the file is damaged.
    """
    with reading([path]), np.load(path, allow_pickle=False) as arrays:
        x = _features(arrays, path)
        edges, listed_once = _edges(arrays, len_of(x), path)
        taken = listed_once if directed is None else not directed
        tidy = tidy_edges(*edges, len_of(x), directed=not taken)
        ids = _text(arrays["ids"]) if "ids" in arrays else None
        labels, parts = _labels(arrays), _parts(arrays, len_of(x), fold)
        names = [str(name) for name in arrays["feature_names"]] if "feature_names" in arrays else []
    for name, column in labels.items():
        if len(column) != len_of(x):
            raise ValueError(f"{path}: {name} must have one label for each of {len_of(x)} nodes, got {len(column)}")
    return OwnGraph(
        path,
        x,
        tidy,
        not taken,
        labels,
        ids,
        names,
        GivenParts(len_of(x), positions=parts),
        {"edges": describe_edges(tidy, not taken)},
    )


def len_of(x: NDArray[Any] | Rows) -> int:
    """Return the number of nodes."""
    return int(x.shape[0])


def _features(arrays: Any, path: Path) -> NDArray[np.float32] | Rows:
    for stem in SPARSE:
        if f"{stem}_indptr" in arrays:
            rows = _rows(arrays, stem)
            rows.check()
            if not np.isfinite(rows.data).all():
                raise ValueError(
                    f"the features {stem}_data hold {int((~np.isfinite(rows.data)).sum())} values that are not finite"
                )
            return rows.in_order()
    name = next((name for name in DENSE if name in arrays), None)
    if name is None:
        raise ValueError(
            f"there are no features: expected {listed(DENSE)} or x_data, x_indices, x_indptr and "
            f"x_shape; there is {listed(arrays.files)}"
        )
    x = arrays[name]
    if x.ndim != 2 or x.dtype.kind not in "fiub":
        raise ValueError(f"{name} must be a matrix of numbers, got {x.dtype} {list(x.shape)}")
    with np.errstate(over="ignore"):
        dense: NDArray[np.float32] = x.astype(np.float32)
    check_features(dense, [], path)
    return dense


def _rows(arrays: Any, stem: str) -> Rows:
    data, indices, indptr, shape = (arrays[f"{stem}_{part}"] for part in _CSR)
    rows, columns = (int(size) for size in shape)
    return Rows(data.astype(np.float32), indices.astype(np.int64), indptr.astype(np.int64), (rows, columns))


def _edges(arrays: Any, num_nodes: int, path: Path) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], bool]:
    """Return sources and targets, and whether the format lists an undirected edge once."""
    for stem in ADJACENCY:
        if f"{stem}_indptr" in arrays:
            matrix = _rows(arrays, stem)
            matrix.check()
            if matrix.shape != (num_nodes, num_nodes):
                raise ValueError(
                    f"{stem} must be a matrix of {num_nodes} x {num_nodes}, one row per node, got {matrix.shape}"
                )
            source = np.repeat(np.arange(num_nodes), np.diff(matrix.indptr))
            return (source, matrix.indices), True
    if "edge_index" in arrays:
        return check_range(arrays["edge_index"], num_nodes, path), False
    if "edges" in arrays:
        return check_range(arrays["edges"].T, num_nodes, path), True
    raise ValueError(
        f"there are no edges: expected edge_index, edges or adj_data, adj_indices, adj_indptr and adj_shape; "
        f"there is {listed(arrays.files)}"
    )


def _labels(arrays: Any) -> dict[str, Any]:
    name = next((name for name in LABELS if name in arrays), None)
    if name is None:
        return {}
    y = arrays[name]
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 1:
        return {name: _text(y)}
    if y.ndim == 2:
        return {f"{name}{i}": _text(y[:, i]) for i in range(y.shape[1])}
    raise ValueError(f"{name} must have one label per node and task, got shape {list(y.shape)}")


def _text(values: NDArray[Any]) -> Any:
    import pyarrow as pa

    if values.dtype.kind == "f":
        whole = np.where(np.isnan(values), 0, values) == np.round(np.where(np.isnan(values), 0, values))
        text = np.where(np.isnan(values), "", values.astype(str))
        if whole.all() and (np.abs(np.nan_to_num(values)) < 2**53).all():
            text = np.where(np.isnan(values), "", np.nan_to_num(values).astype(np.int64).astype(str))
        return pa.array(text.tolist(), pa.string())
    if values.dtype.kind == "b":
        values = values.astype(np.int64)
    if values.dtype.kind not in "iuU":
        raise ValueError(f"labels and ids must be numbers or text, got {values.dtype}")
    return pa.array(values.astype(str).tolist(), pa.string())


def _parts(arrays: Any, num_nodes: int, fold: int | None) -> dict[str, NDArray[np.int64]] | None:
    found = {part: next((name for name in names if name in arrays), None) for part, names in PARTS.items()}
    if not any(found.values()):
        return None
    return {part: _positions(arrays[name], name, num_nodes, fold) for part, name in found.items() if name is not None}


def _positions(values: NDArray[Any], name: str, num_nodes: int, fold: int | None) -> NDArray[np.int64]:
    """Return the nodes of a part from a mask, one of several masks, or numbers."""
    if values.dtype.kind == "b":
        if values.ndim == 2:
            values = values if values.shape[1] == num_nodes else values.T
            if not 0 <= (fold or 0) < len(values):
                raise ValueError(f"fold must be between 0 and {len(values) - 1}, the masks of {name}, got {fold}")
            values, fold = values[fold or 0], None
        if fold is not None:
            raise ValueError(f"fold = {fold}: only several masks have folds, and {name} is one mask")
        if values.shape != (num_nodes,):
            raise ValueError(
                f"{name} must have one entry for each of {num_nodes} nodes, got shape {list(values.shape)}"
            )
        return np.flatnonzero(values)
    if fold is not None:
        raise ValueError(f"fold = {fold}: only several masks have folds, and {name} is a single list of nodes")
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise ValueError(f"{name} must be a mask or a list of node numbers, got {values.dtype} {list(values.shape)}")
    numbers = values.astype(np.int64)
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < num_nodes:
        raise ValueError(
            f"{name} has node {numbers[(numbers < 0) | (numbers >= num_nodes)][0]}; nodes are 0 to {num_nodes - 1}"
        )
    return np.unique(numbers)
