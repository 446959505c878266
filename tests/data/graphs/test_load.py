import gzip
import warnings
from pathlib import Path
from typing import Any

import networkx
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch_geometric.data import Data, HeteroData

from tests.data.graph_files import EDGES, NODES, folder
from xgraph.data import NodeDataset, load, read_graphs
from xgraph.data.recognise import recognise


def pairs(data: NodeDataset) -> set[tuple[int, int]]:
    return set(map(tuple, data.data.edge_index.T.tolist()))


def read(path: Path, **options: Any) -> NodeDataset:
    data = load(path, **options)
    assert isinstance(data, NodeDataset)
    return data


def quiet(path: Path, **options: Any) -> NodeDataset:
    """Read a graph about which there is nothing to warn of."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read(path, **options)


def test_a_folder_of_two_tables(tmp_path: Path) -> None:
    data = quiet(folder(tmp_path / "people"))
    assert (data.name, data.ids, data.feature_names) == ("people", ["a", "b", "c", "d"], ["age", "score"])
    assert data.data.x.tolist() == [[1, 0.5], [2, 1], [3, 1.5], [4, 2.5]]
    assert data.data.x.dtype == torch.float32
    assert pairs(data) == {(0, 1), (1, 0), (1, 2), (2, 1), (3, 0), (0, 3)}
    assert (data.task, data.task_names, data.y.tolist()) == ("multiclass", ["fraud", "ok"], [0, 1, 1, -1])
    assert {part: nodes.tolist() for part, nodes in data.splits.items()} == {"train": [0, 1], "valid": [2], "test": [3]}
    assert data.left_out == {"town": "text, which is no feature"}
    assert "undirected" in data.notes["edges"]
    assert "3 listed in one direction" in data.notes["edges"]
    assert "ids from 'id', labels from 'label'" in data.notes["nodes"]


def test_directions_are_kept_on_request(tmp_path: Path) -> None:
    data = quiet(folder(tmp_path / "g"), directed=True)
    assert pairs(data) == {(0, 1), (1, 2), (3, 0)}
    assert data.notes["edges"] == "3 edges, directed, as listed"


def test_tables_side_by_side_packed_and_under_other_names(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "people.tsv.gz", "wt") as file:
        file.write("Node\tage\tclass\n1\t1\t0\n2\t2\t1\n3\t3\t0\n4\t3\t1\n5\t1\t0\n6\t2\t1\n")
    pd.DataFrame({"weight": [1.0, -2.0], "src": [1, 2], "dst": [2, 6]}).to_parquet(tmp_path / "friends.parquet")
    data = quiet(tmp_path / "people.tsv.gz", edges=tmp_path / "friends.parquet")
    assert data.ids == ["1", "2", "3", "4", "5", "6"]
    assert pairs(data) == {(0, 1), (1, 0), (1, 5), (5, 1)}
    assert (data.task, data.task_names, data.y.flatten().tolist()) == ("binary", ["class"], [0, 1, 0, 1, 0, 1])
    assert sorted(data.splits) == ["test", "train", "valid"]
    assert data.left_out == {"weight": "the built-in models give all edges the same weight"}


@pytest.mark.parametrize(
    ("cells", "options", "task", "names", "y"),
    [
        ("0 1 -1 1", {}, "binary", ["label"], [[0], [1], [None], [1]]),
        ("yes no NA yes", {}, "binary", ["label"], [[1], [0], [None], [1]]),
        ("2 10 -1 2.0", {}, "multiclass", ["2", "10"], [0, 1, -1, 0]),
        ("b a NA b", {}, "multiclass", ["a", "b"], [1, 0, -1, 1]),
        ("0 1 -1 1", {"task": "multiclass"}, "multiclass", ["0", "1"], [0, 1, -1, 1]),
        ("0.5 10 -1 NA", {}, "regression", ["label"], [[0.5], [10], [-1], [None]]),
        ("0 2 -1 1", {"task": "regression"}, "regression", ["label"], [[0], [2], [-1], [1]]),
    ],
)
def test_labels(tmp_path: Path, cells: str, options: Any, task: str, names: list[str], y: list[Any]) -> None:
    rows = "".join(f"{i},{i},{cell}\n" for i, cell in enumerate(cells.split()))
    data = read(folder(tmp_path / "g", f"id,f,label\n{rows}", "source,target\n0,1\n"), **options)
    assert (data.task, data.task_names) == (task, names)
    got = data.y.tolist()
    assert (got if task == "multiclass" else [[None if v != v else v for v in row] for row in got]) == y


def test_numbers_are_said_stratified_and_recognised(tmp_path: Path) -> None:
    rows = "".join(f"{i},{i},{i / 8 - 1},{i % 3}.0\n" for i in range(40))
    path = folder(tmp_path / "g", f"id,f,height,weight\n{rows}", "source,target\n0,1\n")
    data = quiet(path, target_columns=["height", "weight"])
    assert (data.metric, data.num_tasks, data.y.dtype) == ("r2", 2, torch.float32)
    assert repr(data) == "NodeDataset('g', nodes=40, edges=2, features=1, targets=2)"
    assert data.notes["height"] == "numbers from -1 to 3.875: regression; -1 is a number, not a missing one"
    assert data.targets(torch.tensor([39])).tolist() == [[3.875, 0]]
    data = quiet(path, target_columns=["height"])
    quarters = [(nodes // 10).bincount().tolist() for nodes in data.splits.values()]
    assert quarters == [[6] * 4, [2] * 4, [2] * 4]
    for more, task in (({}, "regression"), ({"task": "binary"}, "binary")):
        assert recognise(path, {"target_columns": "height", **more}).task == task


def test_several_tasks_and_chosen_features(tmp_path: Path) -> None:
    nodes = "id,f,g,one,two\na,1,2,0,1\nb,1,3,1,\nc,2,2,1,0\n"
    path = folder(tmp_path / "g", nodes, "source,target\na,b\n")
    data = read(path, target_columns=["two", "one"], feature_columns=["g"])
    assert (data.task, data.task_names, data.feature_names) == ("multilabel", ["two", "one"], ["g"])
    assert data.y.nan_to_num(-1).tolist() == [[1, 0], [-1, 1], [0, 1]]
    assert data.data.x.tolist() == [[2], [3], [2]]


def test_problems_are_counted_and_named(tmp_path: Path) -> None:
    nodes = "id,f,label\na,1,0\nb,2,1\na,3,1\n,4,0\nc,5,1\n"
    edges = "source,target\na,b\nb,a\nzoe,a\na,\nb,b\na,b\na,b,c\n"
    with warnings.catch_warnings(record=True) as caught:
        data = read(folder(tmp_path / "g", nodes, edges))
    texts = [str(warning.message) for warning in caught]
    assert any("left out 1 row(s) without an id; the first is row 3" in text for text in texts)
    assert any(
        "1 row(s) repeat the id of another one and are left out; the first is row 2 with id 'a'" in t for t in texts
    )
    assert any(
        "left out 2 of 6 edges with an end that is no node; the first is edge 2, from 'zoe' to 'a'" in t for t in texts
    )
    assert any("more or fewer cells than the header; the first is 'a,b,c'" in text for text in texts)
    assert data.ids == ["a", "b", "c"]
    assert data.data.x.flatten().tolist() == [1, 2, 5]
    assert pairs(data) == {(0, 1), (1, 0), (1, 1)}
    assert "1 repeated, each taken once; 1 self-loops" in data.notes["edges"]


@pytest.mark.parametrize(
    ("nodes", "edges", "options", "message"),
    [
        (NODES, EDGES, {}, "1 of 4 nodes have .* first is node 'b', whose column 'score' is missing"),
        (NODES.replace(",,Oslo", ",inf,Oslo"), EDGES, {}, "column 'score' is not finite"),
        (
            "id,f,label\na,1,0\nb,2,1\n",
            "source,target\n1,2\n",
            {},
            "none of 1 edges is.*from '1' to '2', the first node is 'a'",
        ),
        ("id,f\na,1\nb,2\n", "source,target\na,b\n", {}, r"has no labels: expected a column .* target_columns"),
        (
            "id,f,label\na,1,0.5\nb,2,1\nc,2,inf\n",
            "source,target\na,b\n",
            {},
            "column 'label' contains the infinite number 'inf' .data row 2.",
        ),
        ("id,f,label\na,1,0.5\nb,2,1\nc,2,high\n", "source,target\na,b\n", {}, "'label' contains the text 'high'"),
        ("id,f,label\na,1,0.5\nb,2,0.5\n", "source,target\na,b\n", {}, "holds 0.5 in each of its 2 cells"),
        ("id,f,label\na,1,0.5\nb,2,1e40\n", "source,target\na,b\n", {}, "'1e40' .* more than a number of 32 bits"),
        ("id,f,label\na,1,0.5\nb,2,1\n", "source,target\na,b\n", {"task": "binary"}, "task 'binary', but .* '0.5'"),
        (
            "id,f,label\na,1,0.5\nb,2,1\n",
            "source,target\na,b\n",
            {"task": "multiclass"},
            "has '0.5'; task 'regression'",
        ),
        (
            "id,f,m,n\na,1,0.5,1\nb,2,1,0\n",
            "source,target\na,b\n",
            {"target_columns": ["m", "n"]},
            "column 'm' holds numbers, but column 'n' labels 0 and 1: train on them separately",
        ),
        ("id,f,label\na,1,\nb,2,-1\n", "source,target\na,b\n", {}, "all 2 nodes are without one"),
        ("id,f,label\na,1,x\nb,2,x\n", "source,target\na,b\n", {}, "single class 'x'"),
        ("id,f,label\na,1,x\nb,2,y\n", "source,target\na,b\n", {"task": "binary"}, "task 'binary', but .* has 'x'"),
        (
            "id,f,label,split\na,1,0,train\nb,2,1,holdout\n",
            "source,target\na,b\n",
            {},
            "has 'holdout' in data row 1",
        ),
        (
            "id,f,label\na,1,0\nb,2,1\n",
            "source,target\na,b\n",
            {"split": "given"},
            "no column 'split' and there are no masks",
        ),
        ("id,label\na,0\nb,1\n", "source,target\na,b\n", {}, "the nodes have no features"),
        ("id,f,label\na,1,0\nb,2,1\n", "source,to_node\na,b\n", {}, "no column 'target'; its columns are"),
        ("id,f,label\na,1,0\nb,2,1\n", "source\na\n", {}, "must have two columns"),
        ("id,f,label\na,1,0\nb,2,1\n", "source,target\na,b\n", {"target_columns": ["z"]}, "no column 'z'"),
        ("id,f,label\na,1,0\nb,2,1\n", "source,target\na,b\n", {"feature_columns": ["label"]}, "another role"),
        ("id,f,label\n", "source,target\na,b\n", {}, "no rows with nodes"),
        ("id,f,label\na,1,0\nb,2,1\n", "source,target\na,b\n", {"fold": 1}, "split has no folds"),
        ("", "source,target\na,b\n", {}, "nodes.csv is empty"),
    ],
)
def test_refusals(tmp_path: Path, nodes: str, edges: str, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load(folder(tmp_path / "g", nodes, edges), **options)


def test_a_folder_without_edges(tmp_path: Path) -> None:
    path = folder(tmp_path / "g")
    (path / "edges.csv").unlink()
    with pytest.raises(ValueError, match=r"one table 'edges', such as edges.csv, got none"):
        load(path)
    (path / "nodes.csv").unlink()
    with pytest.raises(ValueError, match="is a folder"):
        load(path)


CELL = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@given(st.lists(st.tuples(CELL, CELL, CELL), max_size=6), st.lists(st.tuples(CELL, CELL), max_size=6))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_cells_are_read_or_refused_with_a_message(tmp_path: Path, nodes: Any, edges: Any) -> None:
    path = folder(tmp_path / "g")
    pd.DataFrame(nodes, columns=["id", "f", "label"]).to_csv(path / "nodes.csv", index=False)
    pd.DataFrame(edges, columns=["source", "target"]).to_csv(path / "edges.csv", index=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            data = read(path)
        except ValueError as error:
            message = str(error)
        else:
            message = ""
    if message:
        assert str(path) in message
        return
    assert data.ids is not None
    assert set(data.ids) <= {name.strip() for name, _, _ in nodes} - {""}
    assert bool(data.data.x.isfinite().all())


@given(st.binary(max_size=60), st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read_or_refused_with_a_message(tmp_path: Path, content: bytes, edges: bool) -> None:
    path = folder(tmp_path / "g")
    (path / ("edges.csv" if edges else "nodes.csv")).write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        message = str(path)
        try:
            read(path)
        except ValueError as error:
            message = str(error)
    assert str(path) in message


def npz(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


X, RING = np.arange(12, dtype=np.float64).reshape(6, 2), np.array([[0, 1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 0]])


def test_npz_with_edges(tmp_path: Path) -> None:
    masks = {f"{part}_mask": np.arange(6) % 3 == i for i, part in enumerate(("train", "val", "test"))}
    path = npz(tmp_path / "ring.npz", x=X, edge_index=RING, y=np.array([0, 1, -1, 1, 0, 1]), **masks)
    data = quiet(path)
    assert (data.name, data.task, data.ids) == ("ring", "binary", None)
    assert data.y.nan_to_num(-1).flatten().tolist() == [0, 1, -1, 1, 0, 1]
    assert pairs(data) == set(map(tuple, RING.T.tolist()))  # as stored
    assert {part: nodes.tolist() for part, nodes in data.splits.items()} == {
        "train": [0, 3],
        "valid": [1, 4],
        "test": [2, 5],
    }
    assert len(pairs(quiet(path, directed=False))) == 12


def test_npz_with_sparse_rows_of_unsorted_columns(tmp_path: Path) -> None:
    """As the Amazon files have them: edges in one direction only, columns in any order, a self-loop, repeats."""
    arrays = {
        **{"adj_data": np.ones(5), "adj_indices": np.array([2, 1, 1, 2, 0]), "adj_indptr": np.array([0, 3, 4, 5])},
        **{"attr_data": np.ones(3), "attr_indices": np.array([1, 0, 1]), "attr_indptr": np.array([0, 2, 3, 3])},
        **{"adj_shape": np.array([3, 3]), "attr_shape": np.array([3, 2]), "labels": np.array([0, 2, 1])},
    }
    data = quiet(npz(tmp_path / "shop.npz", **arrays, split=np.array(0)), split="random")
    assert pairs(data) == {(0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)}
    assert data.data.x.to_dense().tolist() == [[1, 1], [0, 1], [0, 0]]
    assert (data.task, data.task_names) == ("multiclass", ["0", "1", "2"])
    assert "1 repeated" in data.notes["edges"]
    arrays["adj_indices"] = np.array([0, 1, 1, 2, 0])
    assert "1 self-loops" in quiet(npz(tmp_path / "loop.npz", **arrays), split="random").notes["edges"]


def test_npz_with_folds(tmp_path: Path) -> None:
    masks = {
        f"{part}_masks": (np.arange(6) + np.arange(2)[:, None]) % 3 == i
        for i, part in enumerate(("train", "val", "test"))
    }
    path = npz(tmp_path / "ring.npz", x=X, edges=RING.T, y=np.arange(6) % 2, **masks)
    assert quiet(path, fold=1).splits["train"].tolist() == [2, 5]
    assert len(pairs(quiet(path))) == 12
    with pytest.raises(ValueError, match="fold must be between 0 and 1"):
        load(path, fold=2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": None}, "there are no features: expected 'x'"),
        ({"x": X[:, 0]}, "x must be a matrix of numbers"),
        ({"x": np.where(X == 3, np.nan, X)}, "1 of 6 nodes have features that are missing .* node 1, whose feature 1"),
        ({"edge_index": RING.T}, r"shape \[2, E\], got int64 \[6, 2\]"),
        ({"edge_index": RING + 6}, "all of 6 edges have an end outside"),
        ({"edge_index": RING * 0.5}, "must hold whole numbers"),
        ({"y": np.arange(5)}, "one label for each of 6 nodes, got 5"),
        ({"y": np.array([{}] * 6)}, "allow_pickle"),
        (
            {"train_mask": np.ones(5, bool), "val_mask": np.ones(6, bool), "test_mask": np.ones(6, bool)},
            "each of 6 nodes",
        ),
        ({"train_idx": np.array([0]), "val_idx": np.array([0]), "test_idx": np.array([1])}, "1 nodes are in several"),
        ({"train_idx": np.array([0]), "val_idx": np.array([9]), "test_idx": np.array([1])}, "val_idx has node 9"),
    ],
)
def test_refused_npz(tmp_path: Path, changes: Any, message: str) -> None:
    arrays = {"x": X, "edge_index": RING, "y": np.arange(6) % 2, **changes}
    path = npz(tmp_path / "g.npz", **{name: value for name, value in arrays.items() if value is not None})
    with pytest.raises(ValueError, match=message):
        load(path, kind="node")


def test_edges_out_of_range_are_left_out(tmp_path: Path) -> None:
    edges = RING.copy()
    edges[1, 2] = 6
    with pytest.warns(
        UserWarning, match="1 of 6 edges have an end outside the nodes 0 to 5; the first is edge 2, from 2 to 6"
    ):
        data = read(npz(tmp_path / "g.npz", x=X, edge_index=edges, y=np.arange(6) % 2))
    assert data.num_edges == 5


@given(st.integers(0, 400))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_npz_that_is_cut_off(tmp_path: Path, size: int) -> None:
    whole = npz(tmp_path / "whole.npz", x=X, edge_index=RING, y=np.arange(6) % 2).read_bytes()
    path = tmp_path / "cut.npz"
    path.write_bytes(whole[: min(size, len(whole) - 1)])
    with pytest.raises(ValueError, match=r"cut\.npz"):
        load(path, kind="node")


def test_graphml(tmp_path: Path) -> None:
    graph = networkx.Graph([("a", "b"), ("b", "c"), ("c", "c")])
    for node, label in zip("abc", ("x", "y", "x"), strict=True):
        graph.nodes[node].update(f=float(ord(node)), label=label, town="Rome")
    graph.edges["a", "b"]["weight"] = 2.0
    networkx.write_graphml(graph, tmp_path / "g.graphml")
    data = quiet(tmp_path / "g.graphml", split="random")
    assert (data.ids, data.feature_names, data.task_names) == (["a", "b", "c"], ["f"], ["x", "y"])
    assert pairs(data) == {(0, 1), (1, 0), (1, 2), (2, 1), (2, 2)}
    assert set(data.left_out) == {"town", "weight"}
    assert "undirected, as the file says" in data.notes["edges"]
    networkx.write_graphml(networkx.DiGraph(graph.edges), tmp_path / "d.graphml")
    with pytest.raises(ValueError, match="no labels"):
        load(tmp_path / "d.graphml", kind="node", task="binary")
    (tmp_path / "bad.graphml").write_text("<graphml><graph>")
    with pytest.raises(ValueError, match=r"bad.graphml cannot be read as GraphML"):
        load(tmp_path / "bad.graphml")


def test_graphs_of_pyg(tmp_path: Path) -> None:
    graph = Data(x=torch.from_numpy(X), edge_index=torch.from_numpy(RING), y=torch.arange(6) % 3)
    torch.save(graph, tmp_path / "ring.pt")
    data = quiet(tmp_path / "ring.pt")
    assert (data.name, data.task, len(data.splits)) == ("ring", "multiclass", 3)
    assert pairs(data) == set(map(tuple, RING.T.tolist()))
    assert len(pairs(quiet(tmp_path / "ring.pt", directed=False))) == 12
    hetero = HeteroData()
    hetero["a"].x, hetero["a"].y = graph.x, graph.y
    hetero["a", "to", "a"].edge_index = graph.edge_index
    torch.save(hetero, tmp_path / "hetero.pt")
    assert pairs(quiet(tmp_path / "hetero.pt")) == pairs(data)
    hetero["b"].x = torch.eye(2)
    torch.save(hetero, tmp_path / "several.pt")
    assert quiet(tmp_path / "several.pt").node_type == "a"


class Elsewhere:
    """A class that is not on the list."""


def test_files_that_torch_may_not_load(tmp_path: Path) -> None:
    none = torch.zeros(2, 0, dtype=torch.long)
    for name, content, message in (
        ("class.pt", Data(x=torch.eye(2), y=Elsewhere()), "an object of class .*Elsewhere, which is not read"),
        ("dict.pt", {"x": torch.eye(2)}, "holds a dict; expected a Data"),
        ("set.pt", ({}, {"x": torch.eye(2)}), "processed data set of PyG"),
        ("nan.pt", Data(x=torch.full((2, 1), torch.nan), edge_index=none, y=torch.tensor([0, 1])), "2 of 2"),
        ("none.pt", Data(x=torch.eye(2), edge_index=none), "no labels: set y"),
    ):
        torch.save(content, tmp_path / name)
        with pytest.raises(ValueError, match=message):
            load(tmp_path / name, kind="node")
    (tmp_path / "cut.pt").write_bytes((tmp_path / "dict.pt").read_bytes()[:100])
    with pytest.raises(ValueError, match=r"cut.pt is not a file of torch.save"):
        load(tmp_path / "cut.pt")


def test_parts_and_folds_that_the_user_defines(tmp_path: Path) -> None:
    nodes = "id,f,label,part,fold\n" + "".join(
        f"n{i},{i},{i % 2},{('Train', 'val', 'TEST', '')[i % 4]},{i % 3}\n" for i in range(12)
    )
    path = folder(tmp_path / "g", nodes, "source,target\nn0,n1\n")
    data = quiet(path, split_column="part")
    assert {part: nodes.tolist() for part, nodes in data.splits.items()} == {
        "train": [0, 4, 8],
        "valid": [1, 5, 9],
        "test": [2, 6, 10],
    }
    assert quiet(path, split_column="fold", fold=1).splits["test"].tolist() == [1, 4, 7, 10]
    (tmp_path / "parts.csv").write_text("train,valid,test\n0,2,4\n1,3,5\n")
    assert quiet(path, split_file=tmp_path / "parts.csv").splits["valid"].tolist() == [2, 3]
    drawn = [quiet(path, folds=3, fold=fold).splits["test"] for fold in range(3)]
    assert sorted(torch.cat(drawn).tolist()) == list(range(12))
    with pytest.raises(ValueError, match="the parts of a graph are in split_column"):
        load(path, valid=path / "nodes.csv", test=path / "nodes.csv")


def test_a_node_of_graphml_that_only_an_edge_names(tmp_path: Path) -> None:
    graph = networkx.Graph()
    graph.add_node("a", label=0, size=1.0)
    graph.add_node("b", label=1, size=2.0)
    graph.add_edge("a", "c")
    networkx.write_graphml(graph, tmp_path / "town.graphml")
    text = (tmp_path / "town.graphml").read_text()
    (tmp_path / "town.graphml").write_text(text.replace('<node id="c" />\n', ""))
    with pytest.raises(
        ValueError, match="1 of 3 nodes have features that are missing .*; the first is node 'c', whose column 'size'"
    ):
        load(tmp_path / "town.graphml", target_columns=["label"])


def test_a_row_with_too_many_cells_that_is_not_utf_8(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "nodes.csv").write_bytes(b"id,label\nn0,0\nn1,1\nn2,\xb9,7,8\n")
    (tmp_path / "edges.csv").write_text("source,target\nn0,n1\n")
    with pytest.raises(ValueError, match=r"nodes.csv is not UTF-8 text; .*--encoding cp1252"):
        load(tmp_path)
    assert (
        "Traceback" not in capfd.readouterr().err
    )  # Arrow calls Python for such a row, and cannot raise what it raises


def test_tables_with_their_own_separator_and_encoding(tmp_path: Path) -> None:
    nodes = "".join(f"knöten{i}|{i / 2}|{i % 2}\n" for i in range(40))
    edges = "".join(f"knöten{i}|knöten{(i + 1) % 40}\n" for i in range(40))
    (tmp_path / "nodes.csv").write_bytes(f"id|größe|label\n{nodes}".encode("cp1252"))
    (tmp_path / "edges.csv").write_bytes(f"source|target\n{edges}".encode("cp1252"))
    with pytest.raises(ValueError, match="is not UTF-8 text; .*--encoding cp1252"):
        load(tmp_path)
    data = load(tmp_path, separator="|", encoding="cp1252")
    assert (data.feature_names, len(data), data.data.num_edges) == (["größe"], 40, 80)
    np.savez(tmp_path / "graph.npz", x=np.ones((2, 1)), edge_index=np.array([[0], [1]]), y=np.array([0, 1]))
    with pytest.raises(ValueError, match="separator and encoding are for tables of nodes and edges"):
        load(tmp_path / "graph.npz", encoding="cp1252")


def test_several_graphs_are_read_in_python_only(tmp_path: Path) -> None:
    torch.save(Data(x=torch.eye(2), edge_index=torch.tensor([[0], [1]])), tmp_path / "a.pt")
    npz(tmp_path / "b.npz", x=X, edge_index=RING)
    folder(tmp_path / "c", "id,f\nu,1\nv,2\n", "source,target\nu,v\n")
    table = tmp_path / "graphs.csv"
    table.write_text("path,label,split\na.pt,x,train\nb.npz,y,valid\nc,x,test\nnone.npz,y,test\n")
    with pytest.warns(UserWarning, match="left out 1 graph.s. that cannot be read; the first is row 3, 'none.npz'"):
        data = read_graphs(table)
    assert (len(data), data.class_names, data.y.tolist()) == (3, ["x", "y"], [0, 1, 0])
    assert {part: rows.tolist() for part, rows in data.splits.items()} == {"train": [0], "valid": [1], "test": [2]}
    assert [data[i].num_nodes for i in range(3)] == [2, 6, 2]
    with pytest.raises(ValueError, match="lists several graphs; the built-in models predict"):
        load(table)
    table.write_text("name,label\na.pt,x\n")
    with pytest.raises(ValueError, match="must have the columns 'path' and 'label', got 'name', 'label'"):
        read_graphs(table)
