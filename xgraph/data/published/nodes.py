"""Read the graphs of node data sets from the files in which they are published: arrays, nothing run."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgraph.data.published.edges import tidy_edges
from xgraph.data.published.reading import reading

Ids = NDArray[np.int64]
Labels = dict[str, int]
_MUSAE = ("edges.csv", "features.json", "target.csv")


@dataclass(frozen=True)
class Rows:
    """A wide matrix that is mostly zero, its rows compressed."""

    data: NDArray[np.float32]
    indices: Ids  # columns
    indptr: Ids  # row i has the entries indptr[i]:indptr[i + 1]
    shape: tuple[int, int]

    def check(self) -> None:
        """Raise a ValueError if the arrays are no such matrix."""
        rows, columns = self.shape
        steps = np.diff(self.indptr)
        ends = len(self.indptr) == rows + 1 and self.indptr[0] == 0 and self.indptr[-1] == len(self.indices)
        if not ends or (steps < 0).any() or len(self.data) != len(self.indices):
            raise ValueError(f"the features are no compressed rows of a matrix of {rows} x {columns}")
        if len(self.indices) and not 0 <= self.indices.min() <= self.indices.max() < columns:
            raise ValueError(f"the features have a column outside 0 to {columns - 1}")

    def in_order(self) -> Rows:
        """Return the matrix with ascending columns in each row; entries that name a column twice are added up."""
        steps = np.diff(self.indices)
        steps[self.indptr[1:-1][(self.indptr[1:-1] > 0) & (self.indptr[1:-1] < len(self.indices))] - 1] = 1
        if (steps > 0).all():
            return self
        from scipy.sparse import csr_array

        matrix = csr_array((self.data, self.indices, self.indptr), shape=self.shape, copy=True)
        matrix.sum_duplicates()
        return Rows(matrix.data, matrix.indices.astype(np.int64), matrix.indptr.astype(np.int64), self.shape)


@dataclass(frozen=True)
class NodeArrays:
    """A graph with one label per node, as it was read."""

    x: NDArray[np.float32] | Rows  # [n, features]
    edge_index: Ids  # [2, edges], both directions of an undirected edge
    y: Ids  # [n]: class, -1 if it is not known
    groups: Mapping[str, list[str]] = field(default_factory=dict)  # columns of groups, such as sex; a cell per node


def read_nodes(reader: str, paths: Sequence[Path], class_names: Sequence[str] = ()) -> NodeArrays:
    """Read a graph and check that its arrays fit together."""
    with reading(paths):
        graph = READERS[reader](paths, {name: number for number, name in enumerate(class_names)})
        _check(graph)
    return graph


def _planetoid(paths: Sequence[Path], classes: Labels) -> NodeArrays:
    arrays = _load(paths[0].read_bytes(), ["x_data", "x_indices", "x_indptr", "x_shape", "edge_index", "y"])
    return NodeArrays(_rows(arrays, "x"), arrays["edge_index"].astype(np.int64), arrays["y"].astype(np.int64))


def _coauthor(paths: Sequence[Path], classes: Labels) -> NodeArrays:
    with zipfile.ZipFile(paths[0]) as archive:
        (name,) = archive.namelist()
        data = archive.read(name)
    # The array `class_names` is a pickle and is not looked at. Columns need not ascend, and an edge may be there in one
    # direction only (in the Amazon graphs), though the graphs are undirected.
    parts = ("data", "indices", "indptr", "shape")
    arrays = _load(data, [*(f"adj_{part}" for part in parts), *(f"attr_{part}" for part in parts), "labels"])
    adjacency = _rows(arrays, "adj")
    adjacency.check()
    features = _rows(arrays, "attr")
    features.check()
    source = np.repeat(np.arange(adjacency.shape[0]), np.diff(adjacency.indptr))
    edges = tidy_edges(source, adjacency.indices, max(adjacency.shape)).without_loops()
    return NodeArrays(features.in_order(), edges.index, arrays["labels"].astype(np.int64, copy=False))


def _heterophilous(paths: Sequence[Path], classes: Labels) -> NodeArrays:
    arrays = _load(paths[0].read_bytes(), ["node_features", "node_labels", "edges"])
    edges = _two(arrays["edges"].T)
    return NodeArrays(
        arrays["node_features"].astype(np.float32), both_directions(edges), arrays["node_labels"].astype(np.int64)
    )


def _reddit(paths: Sequence[Path], classes: Labels) -> NodeArrays:
    arrays = _load(paths[0].read_bytes(), ["x", "edge_index", "y"])
    return NodeArrays(arrays["x"], arrays["edge_index"].astype(np.int64), arrays["y"].astype(np.int64))


def _musae_zip(paths: Sequence[Path], classes: Labels) -> NodeArrays:
    with zipfile.ZipFile(paths[0]) as archive:
        members = {Path(name).name: name for name in archive.namelist()}
        edges, features, target = (archive.read(members[f"musae_git_{name}"]) for name in _MUSAE)
    return _musae(edges, features, target, "ml_target", classes)


def _musae_gzip(paths: Sequence[Path], classes: Labels) -> NodeArrays:
    edges, features, target = (gzip.decompress(path.read_bytes()) for path in paths)
    return _musae(edges, features, target, "page_type", classes)


def _nifty(paths: Sequence[Path], classes: Labels) -> NodeArrays:
    """German credit as NIFTY's code takes it: all columns scaled to -1…1 but for sex, which is 1 for women."""
    rows = list(csv.DictReader(io.StringIO(paths[0].read_text(encoding="utf-8"), newline="")))
    label, group, left_out = "GoodCustomer", "Gender", ("OtherLoansAtStore", "PurposeOfLoan")
    names = [name for name in rows[0] if name not in (label, *left_out)]
    cells = [[float(row[name] == "Female") if name == group else float(row[name]) for name in names] for row in rows]
    x = np.array(cells, dtype=np.float64)
    low, high = x.min(axis=0), x.max(axis=0)
    scaled = 2 * (x - low) / (high - low) - 1
    scaled[:, names.index(group)] = x[:, names.index(group)]
    source, target = _two(_load(paths[1].read_bytes(), ["edges"])["edges"].T)
    edges = tidy_edges(source, target, len(rows)).without_loops().index
    y = np.array([int(row[label] == "1") for row in rows], dtype=np.int64)
    return NodeArrays(scaled.astype(np.float32), edges, y, {group: [row[group] for row in rows]})


READERS: dict[str, Callable[[Sequence[Path], Labels], NodeArrays]] = {
    "planetoid": _planetoid,
    "coauthor": _coauthor,
    "heterophilous": _heterophilous,
    "musae-zip": _musae_zip,
    "musae-gzip": _musae_gzip,
    "reddit": _reddit,
    "nifty": _nifty,
}


def _musae(edges: bytes, features: bytes, target: bytes, column: str, classes: Labels) -> NodeArrays:
    """A table of edges, lists of the features that each node has, and a table of labels."""
    table = list(csv.DictReader(io.StringIO(target.decode("utf-8"), newline="")))
    n = len(table)
    y = np.full(n, -1, dtype=np.int64)
    for row in table:
        y[int(row["id"])] = classes[row[column]] if classes else int(row[column])
    lists = {int(node): sorted(set(columns)) for node, columns in json.loads(features).items()}
    lost = set(lists) - set(range(n))
    if lost:
        raise ValueError(f"features of node {min(lost)}, of which there is no label")
    counts = [len(lists.get(node, ())) for node in range(n)]
    indices = np.array([column for node in range(n) for column in lists.get(node, ())], dtype=np.int64)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    width = int(indices.max(initial=-1)) + 1
    pairs = np.empty((0, 2), dtype=np.int64)
    if body := edges.partition(b"\n")[2].strip():
        pairs = np.loadtxt(io.BytesIO(body), delimiter=",", dtype=np.int64, ndmin=2)
    ones = np.ones(len(indices), dtype=np.float32)
    return NodeArrays(Rows(ones, indices, indptr, (n, width)), both_directions(_two(pairs.T)), y)


def both_directions(edges: Ids) -> Ids:
    """The edges and, after them, their reverses; a self-loop has none."""
    return np.concatenate([edges, edges[::-1, edges[0] != edges[1]]], axis=1)


def _load(data: bytes, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in names}


def _rows(arrays: dict[str, NDArray[Any]], name: str) -> Rows:
    rows, columns = arrays[f"{name}_shape"].tolist()
    indices, indptr = (arrays[f"{name}_{part}"].astype(np.int64) for part in ("indices", "indptr"))
    return Rows(arrays[f"{name}_data"].astype(np.float32, copy=False), indices, indptr, (rows, columns))


def _two(edges: NDArray[Any]) -> NDArray[Any]:
    if edges.ndim != 2 or len(edges) != 2:
        raise ValueError(f"edges must be pairs, got an array of shape {edges.shape}")
    return edges


def _check(graph: NodeArrays) -> None:
    n = len(graph.y)
    if isinstance(graph.x, Rows):
        graph.x.check()
    elif graph.x.ndim != 2:
        raise ValueError(f"the features must be a matrix, got shape {graph.x.shape}")
    if graph.x.shape[0] != n or graph.y.ndim != 1:
        raise ValueError(f"the features are of {graph.x.shape[0]} nodes, the labels of shape {graph.y.shape}")
    edges = _two(graph.edge_index)
    if edges.size and not 0 <= edges.min() <= edges.max() < n:
        raise ValueError(f"an edge names a node outside 0 to {n - 1}")
    if n and graph.y.min() < -1:
        raise ValueError(f"a label is {graph.y.min()}; expected classes from 0, or -1")
