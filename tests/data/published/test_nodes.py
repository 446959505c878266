from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data import node_sources as sources
from xgraph.data.published.nodes import READERS, NodeArrays, Rows, both_directions, read_nodes


def read(tmp_path: Path, reader: str, *contents: bytes, names: tuple[str, ...] = ()) -> NodeArrays:
    paths = [tmp_path / f"file{i}" for i in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return read_nodes(reader, paths, names)


def dense(rows: Any) -> Any:
    assert isinstance(rows, Rows)
    assert rows.indices.dtype == rows.indptr.dtype == np.int64
    assert rows.data.dtype == np.float32
    out = np.zeros(rows.shape, np.float32)
    out[np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr)), rows.indices] = rows.data
    return out


def test_planetoid(tmp_path: Path) -> None:
    graph = read(tmp_path, "planetoid", sources.planetoid_npz())
    np.testing.assert_array_equal(dense(graph.x), np.eye(4)[np.arange(6) % 4])
    assert graph.edge_index.shape == (2, 12)
    assert graph.edge_index.dtype == graph.y.dtype == np.int64
    assert graph.y.tolist() == [0, 1, 2, 0, 1, -1]


def test_coauthor_never_reads_the_pickle(tmp_path: Path) -> None:
    graph = read(tmp_path, "coauthor", sources.coauthor_zip())  # its class_names would end the interpreter
    np.testing.assert_array_equal(dense(graph.x), [[2, 0, 1], [0, 0, 0], [0, 3, 0], [0, 0, 0]])
    assert graph.edge_index.tolist() == [[0, 1, 1, 2], [1, 0, 2, 1]]
    assert graph.y.tolist() == [0, 1, 1, 0]


def test_edges_in_one_direction_and_unsorted_columns(tmp_path: Path) -> None:
    """As the Amazon graphs have them: edges 0-1 (one way), 1-2 (both ways), 2-2, 3-0 (one way, listed twice)."""
    graph = read(
        tmp_path,
        "coauthor",
        sources.coauthor_zip(
            adj_data=np.ones(7, np.float32),
            adj_indices=np.array([1, 2, 2, 2, 1, 0, 0], np.int32),
            adj_indptr=np.array([0, 1, 2, 5, 7], np.int32),
            attr_data=np.array([1, 2, 3, 4], np.float32),
            attr_indices=np.array([2, 0, 1, 1], np.int32),
            attr_indptr=np.array([0, 2, 2, 4, 4], np.int32),
        ),
    )
    assert graph.edge_index.tolist() == [[0, 0, 1, 1, 2, 3], [1, 3, 0, 2, 1, 0]]
    np.testing.assert_array_equal(dense(graph.x), [[2, 0, 1], [0, 0, 0], [0, 7, 0], [0, 0, 0]])
    assert isinstance(graph.x, Rows)
    assert graph.x.indices.tolist() == [0, 2, 1]


def test_heterophilous_gets_both_directions(tmp_path: Path) -> None:
    graph = read(tmp_path, "heterophilous", sources.heterophilous_npz())
    assert graph.edge_index.shape == (2, 13)  # six edges twice, the loop once
    pairs = set(map(tuple, graph.edge_index.T.tolist()))
    assert pairs == {*sources.RING, *((b, a) for a, b in sources.RING), (2, 2)}
    assert graph.x.shape == (6, 2)


def test_reddit_is_not_changed(tmp_path: Path) -> None:
    edges = np.array([[0, 1, 1], [1, 0, 1]], np.int32)
    x = np.asfortranarray(np.arange(4, dtype=np.float32).reshape(2, 2))
    graph = read(tmp_path, "reddit", sources.npz(x=x, edge_index=edges, y=np.array([0, 1], np.int8)))
    assert graph.edge_index.tolist() == edges.tolist()
    np.testing.assert_array_equal(graph.x, x)


@pytest.mark.parametrize("reader", ["musae-zip", "musae-gzip"])
def test_musae(tmp_path: Path, reader: str) -> None:
    contents = [sources.musae_zip()] if reader == "musae-zip" else sources.musae_gzips()
    graph = read(tmp_path, reader, *contents, names=() if reader == "musae-zip" else ("shop", "tv"))
    assert graph.y.tolist() == [0, 1, 1]
    assert graph.edge_index.tolist() == [[0, 1, 2, 1, 0], [1, 1, 0, 0, 2]]
    # a feature listed twice counts once, columns ascend, a node without features has an empty row
    np.testing.assert_array_equal(dense(graph.x), [[0, 0, 0, 0, 0], [0, 1, 0, 0, 0], [1, 0, 0, 0, 1]])


def test_both_directions_of_no_edges() -> None:
    assert both_directions(np.empty((2, 0), np.int64)).shape == (2, 0)


VALID: dict[str, list[bytes]] = {
    "planetoid": [sources.planetoid_npz()],
    "coauthor": [sources.coauthor_zip()],
    "heterophilous": [sources.heterophilous_npz()],
    "reddit": [
        sources.npz(x=np.zeros((2, 2), np.float32), edge_index=np.zeros((2, 1), np.int32), y=np.zeros(2, np.int8))
    ],
    "musae-zip": [sources.musae_zip()],
    "musae-gzip": sources.musae_gzips(),
}


@pytest.mark.parametrize("reader", sorted(READERS.keys() - {"nifty"}))
def test_errors_name_damaged_files(tmp_path: Path, reader: str) -> None:
    names = ("shop", "tv") if reader == "musae-gzip" else ()
    read(tmp_path, reader, *VALID[reader], names=names)
    for i, content in enumerate(VALID[reader]):
        middle = len(content) // 2
        flipped = content[:middle] + bytes(255 - b for b in content[middle : middle + 40]) + content[middle + 40 :]
        for damaged in (b"", b"junk", content[:middle], content[:-1], flipped, content[:1]):
            contents = [*VALID[reader][:i], damaged, *VALID[reader][i + 1 :]]
            message = f"cannot read {tmp_path}"
            try:
                read(tmp_path, reader, *contents, names=names)
                # Read all the same: bytes that no checksum covers, or an empty gzip, which has no member.
                message += "" if damaged == flipped or damaged == b"" else ", which was read although damaged"
            except ValueError as error:
                message = str(error)
            assert message.startswith(f"cannot read {tmp_path}")
            assert "although" not in message


@pytest.mark.parametrize(
    ("reader", "content", "text"),
    [
        ("planetoid", sources.planetoid_npz(y=np.zeros(5, np.int16)), r"features are of 6 nodes, the labels"),
        ("planetoid", sources.planetoid_npz(y=np.full(6, -2, np.int16)), r"a label is -2"),
        ("planetoid", sources.planetoid_npz(edge_index=np.array([[0], [6]])), r"names a node outside 0 to 5"),
        ("planetoid", sources.planetoid_npz(edge_index=np.array([[-1], [0]])), r"names a node outside 0 to 5"),
        ("planetoid", sources.planetoid_npz(edge_index=np.zeros((3, 2))), r"edges must be pairs, got .*\(3, 2\)"),
        ("planetoid", sources.planetoid_npz(x_indices=np.full(6, 4)), r"a column outside 0 to 3"),
        ("planetoid", sources.planetoid_npz(x_indptr=np.arange(6)), r"no compressed rows of a matrix of 6 x 4"),
        ("planetoid", sources.planetoid_npz(x_indptr=np.array([0, 3, 2, 3, 4, 5, 6])), r"no compressed rows"),
        ("planetoid", sources.planetoid_npz(x_shape=np.array([6])), r"not enough values"),
        ("planetoid", sources.planetoid_npz(y=np.array([sources.Bomb()] * 6)), r"allow_pickle=False"),
        ("planetoid", sources.npz(x_data=np.ones(1)), r"there is no .*x_indices"),
        ("coauthor", sources.coauthor_zip(adj_indptr=np.array([0, 9, 3, 4, 4])), r"no compressed rows"),
        ("coauthor", sources.coauthor_zip(labels=np.zeros((4, 2))), r"labels of shape \(4, 2\)"),
        ("heterophilous", sources.heterophilous_npz(edges=np.zeros((4, 3))), r"edges must be pairs"),
        ("heterophilous", sources.heterophilous_npz(node_features=np.zeros(6)), r"must be a matrix, got shape \(6,\)"),
    ],
)
def test_wrong_shapes_are_rejected(tmp_path: Path, reader: str, content: bytes, text: str) -> None:
    with pytest.raises(ValueError, match=rf"cannot read .*file0.*: .*{text}"):
        read(tmp_path, reader, content)


def test_wrong_tables_are_rejected(tmp_path: Path) -> None:
    edges, features, target = sources.musae_gzips()
    with pytest.raises(ValueError, match="there is no 'tv'"):
        read(tmp_path, "musae-gzip", edges, features, target, names=("shop",))
    import gzip

    with pytest.raises(ValueError, match="features of node 7, of which there is no label"):
        read(tmp_path, "musae-gzip", edges, gzip.compress(b'{"7": [1]}'), target, names=("shop", "tv"))


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_nodes("planetoid", [tmp_path / "none"])


def test_nifty(tmp_path: Path) -> None:
    """Columns are scaled to -1…1 but for sex, and two of them are left out; edges are listed once or twice."""
    header = "GoodCustomer,Gender,Age,PurposeOfLoan,OtherLoansAtStore"
    table = f"{header}\n1,Male,20,NewCar,0\n-1,Female,60,Business,0\n1,Female,30,NewCar,0\n".encode()
    edges = sources.npz(edges=np.array([[0, 1], [1, 0], [2, 1], [1, 1]], np.int32))
    graph = read(tmp_path, "nifty", table, edges)
    assert isinstance(graph.x, np.ndarray)
    np.testing.assert_array_equal(graph.x, np.array([[0, -1], [1, 1], [1, -0.5]], np.float32))
    assert graph.y.tolist() == [1, 0, 1]
    assert sorted(zip(*graph.edge_index.tolist(), strict=True)) == [(0, 1), (1, 0), (1, 2), (2, 1)]
    assert graph.groups == {"Gender": ["Male", "Female", "Female"]}
    for damaged in ((b"", edges), (b"junk", edges), (table[:-20], edges), (table, b"junk"), (table, edges[:99])):
        with pytest.raises(ValueError, match=f"cannot read {tmp_path}"):
            read(tmp_path, "nifty", *damaged)
