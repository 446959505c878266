import builtins
import gzip
import socket
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch_geometric.data import HeteroData

from tests.data import ogb_release as release
from xgraph.data import GraphDataset, MoleculeDataset, NodeDataset, load, load_card
from xgraph.data.cards.ogb_files import ogb_place
from xgraph.data.cards.ogb_table import read_release_table

WRITE: dict[str, Any] = {
    "ogbn-arxiv": release.write_arxiv,
    "ogbn-products": release.write_products,
    "ogbn-proteins": release.write_proteins,
    "ogbn-mag": release.write_mag,
    "ogbn-papers100M": release.write_papers100m,
    "ogbg-ppa": release.write_ppa,
}


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A root of the test's own; no prompt, no network, no pickle read as a whole."""
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path))
    monkeypatch.delenv("XGRAPH_MIRROR", raising=False)
    monkeypatch.setattr(builtins, "input", lambda *_: pytest.fail("a prompt"))
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("the network"))
    real = torch.load

    def load_weights(*arguments: Any, **options: Any) -> Any:
        if options.get("weights_only") is False:
            pytest.exit("a pickle would be read as a whole")  # no code under test catches it
        return real(*arguments, **options)

    monkeypatch.setattr(torch, "load", load_weights)


def made(name: str) -> NodeDataset:
    if not ogb_place(name).exists():
        WRITE[name](ogb_place(name))
    data = load(name)
    assert isinstance(data, NodeDataset)
    return data


def pairs(edges: torch.Tensor) -> list[tuple[int, ...]]:
    return sorted(map(tuple, edges.t().tolist()))


def test_arxiv(capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):  # read from its files, then from what was made of them
        data = made("ogbn-arxiv")
        assert (data.name, data.task, data.num_tasks, data.metric) == ("ogbn-arxiv", "multiclass", 40, "accuracy")
        assert pairs(data.data.edge_index) == [(0, 1), (1, 0), (2, 3), (2, 4), (3, 2), (4, 2)]
        assert data.data.x.tolist() == [[i + 0.5, -i - 0.25] for i in range(5)]
        assert data.y.tolist() == [3, 39, 0, 1, 3]
        assert data.data.node_year.flatten().tolist() == list(range(2010, 2015))
        assert {part: nodes.tolist() for part, nodes in data.splits.items()} == {
            "train": [0, 1],
            "valid": [2],
            "test": [4, 3],
        }
        assert "y" not in data.data
    assert capfd.readouterr() == ("", "")
    assert not any("outdated" in thread.name for thread in threading.enumerate())


def test_products_get_both_directions() -> None:
    data = made("ogbn-products")
    assert pairs(data.data.edge_index) == [(0, 1), (0, 2), (1, 0), (2, 0)]
    assert (data.num_tasks, data.y.tolist(), data.num_features) == (47, [46, 0, 1], 2)


def test_proteins() -> None:
    data = made("ogbn-proteins")
    assert (data.task, data.metric, data.num_tasks) == ("multilabel", "roc_auc", 112)
    assert data.y.dtype == torch.float32
    assert data.y[:, 0].tolist() == [0, 1, 0]
    assert pairs(data.data.edge_index) == [(0, 1), (1, 0), (1, 2), (2, 1)]
    assert data.data.edge_attr.shape == (4, 8)
    assert data.data.x[:, 0].tolist() == [1.0, 1.5, 2.0]
    assert data.data.node_species.flatten().tolist() == [3702, 4932, 3702]
    assert data.targets(torch.tensor([2])).shape == (1, 112)


def test_mag() -> None:
    data = made("ogbn-mag")
    graph = data.data
    assert isinstance(graph, HeteroData)
    assert (data.node_type, len(data), data.num_tasks, data.num_features) == ("paper", 4, 349, 2)
    assert {kind: graph[kind].num_nodes for kind in graph.node_types} == {
        "author": 2,
        "field_of_study": 2,
        "institution": 1,
        "paper": 4,
    }
    assert len(graph.edge_types) == 7
    assert pairs(graph["paper", "cites", "paper"].edge_index) == [(0, 1), (1, 0), (2, 3), (3, 2)]
    assert pairs(graph["author", "writes", "paper"].edge_index) == [(0, 0), (0, 1), (1, 3)]
    assert pairs(graph["paper", "rev_writes", "author"].edge_index) == [(0, 0), (1, 0), (3, 1)]
    assert graph["paper"].x[:, 0].tolist() == [0.5, 1.5, 2.5, 3.5]
    assert graph["paper"].node_year.flatten().tolist() == [2015, 2016, 2017, 2018]
    assert data.y.tolist() == [348, 0, 7, 7]
    assert {part: nodes.tolist() for part, nodes in data.splits.items()} == {"train": [0, 1], "valid": [3], "test": [2]}


class Bomb:
    def __reduce__(self) -> Any:
        return pytest.exit, ("a pickle was run",)


def plant(folder: Path) -> None:
    """Hostile files wherever PyG and `ogb` look for what they made earlier."""
    (folder / "processed").mkdir(exist_ok=True)
    for name in ("pre_transform.pt", "pre_filter.pt", "geometric_data_processed.pt"):
        torch.save(Bomb(), folder / "processed" / name)
    for place in (folder / "split").glob("*"):
        torch.save(Bomb(), place / "split_dict.pt")


@pytest.mark.parametrize("name", ["ogbn-arxiv", "ogbn-mag", "ogbg-ppa"])
def test_existing_hostile_files_are_not_executed(name: str) -> None:
    folder = WRITE[name](ogb_place(name))
    for _ in range(2):
        plant(folder)
        data = load(name)
        assert isinstance(data, NodeDataset | GraphDataset)
        assert sum(len(nodes) for nodes in data.splits.values()) >= 3
    assert not list(folder.glob(".processed*"))


def test_hostile_files_in_an_archive_are_not_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release.unpinned(monkeypatch)
    source = release.write_arxiv(tmp_path / "source")
    plant(source)
    release.zip_release(source, tmp_path / "mirror" / "ogb" / "arxiv.zip", "arxiv")
    monkeypatch.setenv("XGRAPH_MIRROR", str(tmp_path / "mirror"))
    data = load("ogbn-arxiv")
    assert isinstance(data, NodeDataset)
    assert data.y.tolist() == [3, 39, 0, 1, 3]


def test_invalid_cache_content_is_rebuilt() -> None:
    data = made("ogbn-arxiv")
    kept = ogb_place("ogbn-arxiv") / "processed" / "geometric_data_processed.pt"
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]
    torch.save(("no", "graph"), kept)
    assert made("ogbn-arxiv").y.tolist() == data.y.tolist()


def test_cache_is_read_from_a_read_only_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    made("ogbn-arxiv")
    refuse = lambda *_, **__: pytest.fail("a write")  # noqa: E731
    monkeypatch.setattr("os.replace", refuse)
    monkeypatch.setattr("os.unlink", refuse)
    monkeypatch.setattr("os.makedirs", refuse)
    monkeypatch.setattr("os.mkdir", refuse)
    assert len(made("ogbn-arxiv")) == 5


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("ogbn-arxiv", "gone"),
        ("ogbn-mag", "junk"),
        ("ogbg-ppa", "cut"),
        ("ogbn-papers100M", "empty"),
        ("ogbn-mag", "text"),
    ],
)
def test_errors_name_damaged_splits(name: str, damage: str) -> None:
    folder = WRITE[name](ogb_place(name))
    (path,) = (folder / "split").rglob("valid.csv.gz")
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "text":
        release.csv_gz(path, ["one"])
    else:
        path.write_bytes({"junk": b"junk", "cut": content[:-9], "empty": b""}[damage])
    with pytest.raises(ValueError, match=rf"cannot read {path}: .*; delete {folder} to fetch it again"):
        load(name)


@pytest.mark.parametrize("name", ["ogbn-arxiv", "ogbn-products", "ogbn-papers100M"])
def test_edges_to_missing_nodes_are_an_error(name: str) -> None:
    folder = WRITE[name](ogb_place(name))
    if name == "ogbn-papers100M":
        edges = np.array([[0, 9], [1, 2]])
        np.savez(folder / "raw" / "data.npz", edge_index=edges, num_nodes_list=np.array([4]))
    else:
        release.csv_gz(folder / "raw" / "edge.csv.gz", [(0, 1), (9, 2)])
        release.csv_gz(folder / "raw" / "num-edge-list.csv.gz", [2])
    with pytest.raises(ValueError, match="9"):
        load(name)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_papers100m_is_memory_mapped_in_its_own_precision(tmp_path: Path, dtype: Any) -> None:
    release.write_papers100m(ogb_place("ogbn-papers100M"), dtype)
    data = made("ogbn-papers100M")
    assert data.data.x.dtype == {np.float16: torch.float16, np.float32: torch.float32}[dtype]
    assert data.data.x.tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert pairs(data.data.edge_index) == [(0, 1), (1, 2), (3, 0)]
    assert data.y.tolist() == [171, -1, 0, -1]
    assert (len(data), data.num_tasks) == (4, 172)
    assert {part: nodes.tolist() for part, nodes in data.splits.items()} == {"train": [0], "valid": [], "test": [2]}
    kept = ogb_place("ogbn-papers100M") / "processed" / "arrays" / "node_feat.npy"
    before = kept.read_bytes()
    data.data.x[0] = 9  # a copy of its own: the file stays as it is
    assert kept.read_bytes() == before
    stamp = kept.stat().st_mtime_ns
    made("ogbn-papers100M")
    assert kept.stat().st_mtime_ns == stamp


def test_papers100m_damaged(tmp_path: Path) -> None:
    folder = release.write_papers100m(ogb_place("ogbn-papers100M"))
    path = folder / "raw" / "data.npz"
    content = path.read_bytes()
    path.write_bytes(content[:-50])
    with pytest.raises(ValueError, match=r"cannot read .*data.npz"):
        load("ogbn-papers100M")
    np.savez(path, node_feat=np.zeros((4, 2)))
    with pytest.raises(ValueError, match="has no array edge_index"):
        load("ogbn-papers100M")
    edges = np.array([[0, 1], [1, 2]])
    for counts, text in (
        (np.array([], np.int64), r"must be a single integer, got \[\]; delete"),
        (np.array([4.5]), r"must be a single integer, got \[4.5\]"),
        (np.array(["four"]), r"cannot read .*raw: .*; delete"),
        (np.array([5]), r"y must be int64 of shape \[5\]"),
    ):
        np.savez(path, edge_index=edges, num_nodes_list=counts)
        with pytest.raises(ValueError, match=text):
            load("ogbn-papers100M")
    path.unlink()
    with pytest.raises(ValueError, match=r"data.npz is missing; delete .* to fetch it again"):
        load("ogbn-papers100M")


def test_molpcba_comes_from_ogbs_smiles_with_missing_labels() -> None:
    tasks = load_card("ogbg-molpcba").target_columns
    assert len(tasks) == 128
    release.write_molpcba(ogb_place("ogbg-molpcba"), tasks)
    data = load("ogbg-molpcba")
    assert isinstance(data, MoleculeDataset)
    assert (data.name, data.metric, data.num_tasks, data.row.tolist()) == ("ogbg-molpcba", "ap", 128, [0, 2, 3, 4])
    assert [error.row for error in data.errors] == [1]
    assert data.y[0].isnan().sum() == 43
    assert data.y[0, 1:3].tolist() == [1, 0]
    assert {part: data.row[nodes].tolist() for part, nodes in data.splits.items()} == {
        "train": [0],
        "valid": [2, 4],
        "test": [3],
    }
    two = load("ogbg-molpcba", target_columns=["PCBA-995", "PCBA-1030"])
    assert two.task_names == ["PCBA-995", "PCBA-1030"]


@pytest.mark.parametrize(("name", "count"), [("ogbg-moltoxcast", 617), ("ogbg-molchembl", 1310)])
def test_tasks_are_named_by_the_release(name: str, count: int) -> None:
    tasks = [f"ASSAY_{i}" for i in range(count)]
    release.write_molpcba(ogb_place(name), tasks)
    data = load(name)
    assert isinstance(data, MoleculeDataset)
    assert (data.name, data.metric, data.task, data.row.tolist()) == (name, "roc_auc", "multilabel", [0, 2, 3, 4])
    assert data.task_names == tasks
    assert data.smiles == ["CCO", "c1ccccc1", "CN", "CC"]
    assert np.isnan(data.y[0].numpy()).tolist() == [t % 3 == 0 for t in range(count)]
    assert data.y[0, 1:3].tolist() == [1, 0]
    assert data.row[data.splits["valid"]].tolist() == [2, 4]
    assert load(name, target_columns=["ASSAY_7", "ASSAY_2"]).y[0].tolist() == [1, 0]
    with pytest.raises(ValueError, match=rf"target_columns of {name!r} must be any of ASSAY_0, .*, got ASSAY"):
        load(name, target_columns=["ASSAY"])


@pytest.mark.parametrize(
    ("header", "row", "text"),
    [
        ("A,B,smiles,mol_id", "1,0,CC,x", "expected 617 tasks, got the columns A, B, smiles"),
        (",".join([*(f"T{i}" for i in range(617)), "smiles"]), "1," * 617 + "CC", ""),
        (",".join([*(f"T{i}" for i in range(617)), "smiles"]), "2," * 617 + "CC", "column 'T0' holds 2 in row 0"),
        (",".join([*(f"T{i}" for i in range(617)), "smiles"]), "a," * 617 + "CC", "cannot read .*delete the folder"),
    ],
)
def test_a_table_that_is_not_that_of_a_release(header: str, row: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "mol.csv.gz"
    path.write_bytes(gzip.compress(f"{header}\n{row}\n{row.replace('CC', '')}\n".encode()))
    if not text:
        table = read_release_table(load_card("ogbg-moltoxcast"), path)
        assert (table.smiles, table.y.shape, [error.row for error in table.errors]) == (["CC"], (1, 617), [1])
        return
    with pytest.raises(ValueError, match=text):
        read_release_table(load_card("ogbg-moltoxcast"), path)


def test_ppa() -> None:
    release.write_ppa(ogb_place("ogbg-ppa"))
    for _ in range(2):
        data = load("ogbg-ppa")
        assert isinstance(data, GraphDataset)
        assert (data.kind, data.num_tasks, data.metric, len(data)) == ("graph", 37, "accuracy", 3)
        assert data.y.tolist() == [36, 0, 5]
        assert {part: nodes.tolist() for part, nodes in data.splits.items()} == {
            "train": [0],
            "valid": [2],
            "test": [1],
        }
        batch = data.batch([1, 0])
        assert batch.idx.tolist() == [1, 0]
        assert batch.y.tolist() == [0, 36]
        assert batch.x.tolist() == [[1]] * 5
        assert pairs(batch.edge_index) == [(0, 1), (1, 0), (1, 2), (2, 1), (3, 4), (4, 3)]
        assert batch.edge_attr[:, 0].tolist() == [1.5, 1.5, 2.5, 2.5, 0.5, 0.5]


@pytest.mark.parametrize("name", ["ogbn-arxiv", "ogbn-mag", "ogbg-ppa"])
@pytest.mark.parametrize("damage", ["cut", "gone", "text"])
def test_errors_name_damaged_releases(name: str, damage: str) -> None:
    folder = WRITE[name](ogb_place(name))
    path = sorted((folder / "raw").rglob("*edge*.csv.gz"))[0]
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content[:-9] if damage == "cut" else b"junk")
    with pytest.raises(ValueError, match=rf"cannot read {folder}: .*; delete the folder to fetch it again"):
        load(name)


def test_damaged_cache_is_rebuilt() -> None:
    made("ogbn-arxiv")
    kept = ogb_place("ogbn-arxiv") / "processed" / "geometric_data_processed.pt"
    size = kept.stat().st_size
    kept.write_bytes(kept.read_bytes()[: size // 2])
    assert made("ogbn-arxiv").y.tolist() == [3, 39, 0, 1, 3]
    assert kept.stat().st_size == size


def test_hostile_cache_files_are_not_executed() -> None:
    made("ogbn-arxiv")
    kept = ogb_place("ogbn-arxiv") / "processed" / "geometric_data_processed.pt"
    torch.save(Bomb(), kept)
    assert len(made("ogbn-arxiv")) == 5
