import gzip
from pathlib import Path

import numpy as np
import pytest

from tests.data import bag_sources as sources
from xgraph.data.bags.load import choose_tasks
from xgraph.data.bags.splits import given_split
from xgraph.data.published.bags import READERS, BagArrays, read_arrays

SPECIES = ["Winter Wren", "Pacific-slope Flycatcher", "Red-breasted Nuthatch", "Hermit Thrush"]


def read(tmp_path: Path, reader: str, *contents: bytes, tasks: list[str] | None = None) -> BagArrays:
    paths = []
    for i, content in enumerate(contents):
        paths.append(tmp_path / (f"file{i}.gz" if content[:2] == b"\x1f\x8b" else f"file{i}"))
        paths[-1].write_bytes(content)
    return read_arrays(reader, paths, tasks or ["good"])


def images(count: int = 200) -> list[bytes]:
    pixels = np.arange(count * 6).reshape(count, 2, 3).astype(np.uint8)
    return [sources.idx(pixels), sources.idx((np.arange(count) % 10).astype(np.uint8))]


def test_mil(tmp_path: Path) -> None:
    arrays = read(tmp_path, "mil", sources.mil_npz())
    assert (arrays.x.dtype, arrays.y.dtype, arrays.bag_ptr.dtype) == (np.float32, np.float32, np.int64)
    assert arrays.x.tolist()[1] == [2, 3]
    assert (arrays.y[:, 0].tolist(), arrays.bag_ptr[:4].tolist()) == ([0, 1] * 10, [0, 1, 3, 6])
    assert arrays.folds["good"].shape == (50, 20)
    assert np.flatnonzero(~arrays.folds["good"][23]).tolist() == [1, 11]  # part 3 of repetition 2


def test_mil_of_several_tasks(tmp_path: Path) -> None:
    y = np.stack([np.arange(20) % 2, np.arange(20) % 5 == 0]).astype(np.int8)
    train = np.stack([sources.folds(20), sources.folds(20)[::-1]])
    arrays = read(tmp_path, "mil", sources.mil_npz(y=y, fold_train=train), tasks=["a", "b"])
    assert arrays.y.T.tolist() == y.tolist()
    np.testing.assert_array_equal(arrays.folds["b"], train[1].reshape(50, 20))


def test_birds(tmp_path: Path) -> None:
    arrays = read(tmp_path, "birds", *sources.birds(), tasks=SPECIES)
    assert arrays.bag_names == ["1", *map(str, range(7, 18))]
    assert arrays.bag_ptr.tolist() == [0, *range(2, 14)]
    assert arrays.y.tolist() == [[1, 0, 1, 0], [0, 0, 0, 1], *[[0, 1, 0, 0]] * 10]
    assert arrays.x[:4].tolist() == [[0.5, 1.5], [2.5, 3.5], [4.5, 5.5], [0, 8]]
    assert arrays.instance_y is not None
    np.testing.assert_equal(arrays.instance_y[:4], [[np.nan] * 4, [0, 0, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0]])
    assert set(arrays.folds) == set(SPECIES[:3])


def test_mnist_bags(tmp_path: Path) -> None:
    arrays = read(tmp_path, "mnist-bags", *images())
    sizes = np.diff(arrays.bag_ptr)
    assert arrays.x.shape == (200, 1, 2, 3)
    assert arrays.x.dtype == np.float32
    # each image once
    values = np.sort((arrays.x.reshape(200, 6) * 255).round().astype(int), axis=0)
    pixels = np.sort(np.arange(1200).reshape(200, 6) % 256, axis=0)
    np.testing.assert_array_equal(values, pixels)
    assert 7 < sizes[:-1].mean() < 13
    assert arrays.instance_y is not None
    for bag, (start, end) in enumerate(zip(arrays.bag_ptr, arrays.bag_ptr[1:], strict=False)):
        assert arrays.y[bag, 0] == arrays.instance_y[start:end].max()
    assert arrays.instance_y.sum() == 20
    np.testing.assert_array_equal(read(tmp_path, "mnist-bags", *images()).x, arrays.x)


def test_matlab(tmp_path: Path) -> None:
    arrays = read(tmp_path, "matlab", sources.matlab(columns=2), tasks=["a", "b"])
    assert arrays.x.tolist() == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9], [10, 11]]
    assert (arrays.bag_ptr.tolist(), arrays.bag_names) == ([0, 3, 4, 6], ["1", "2", "3"])
    assert arrays.y.tolist() == [[0.5, 1.5], [1, 2], [1.5, 2.5]]
    assert (arrays.x.dtype, arrays.y.dtype, arrays.bag_ptr.dtype) == (np.float32, np.float32, np.int64)


BIRDS = sources.birds()
VALID = {"mil": [sources.mil_npz()], "birds": BIRDS, "mnist-bags": images(), "matlab": [sources.matlab()]}


@pytest.mark.parametrize("reader", sorted(READERS))
def test_errors_name_damaged_files(tmp_path: Path, reader: str) -> None:
    tasks = SPECIES if reader == "birds" else ["good"]
    read(tmp_path, reader, *VALID[reader], tasks=tasks)
    for i, content in enumerate(VALID[reader]):
        for damaged in (b"", b"junk", content[: len(content) // 2]):
            contents = [*VALID[reader][:i], damaged, *VALID[reader][i + 1 :]]
            with pytest.raises(ValueError, match="cannot read .*file0.*: ."):
                read(tmp_path, reader, *contents, tasks=tasks)


@pytest.mark.parametrize(
    ("reader", "contents", "text"),
    [
        ("mil", [sources.mil_npz(bag_ptr=np.arange(21))], "bag_ptr does not divide 39 instances into 20 bags"),
        ("mil", [sources.mil_npz(X=np.full((39, 2), np.nan))], "features must be finite, but instance 0 is not"),
        ("mil", [sources.mil_npz(y=np.zeros(19, np.int8))], "fold_train has shape .*, which does not match labels"),
        ("mil", [sources.mil_npz(fold_train=np.ones((5, 10, 20), bool))], "every fold of good must have training"),
        ("mil", [sources.mil_npz(fold_train=np.zeros((5, 10, 20), bool))], "every fold of good must have training"),
        ("mil", [sources.npz(X=np.zeros((1, 1)))], "there is no .*bag_ptr"),
        ("mil", [sources.mil_npz(y=np.array([None] * 20))], "allow_pickle=False"),
        ("birds", sources.birds({1: b"x\n1,1\n"}), "do not list the same bags in the same order"),
        ("birds", sources.birds({1: BIRDS[1].replace(b"\n7", b"\n8")}), "do not list the same bags in the same order"),
        (
            "birds",
            sources.birds({2: BIRDS[2].replace(b"\n1,3", b"\n7,3")}),
            "do not list the same bags in the same order",
        ),
        ("birds", sources.birds({2: BIRDS[2].replace(b"\n1,3", b"\n1,5")}), "species must be between 1 and 4, or -1"),
        ("birds", sources.birds({3: sources.npz(bag_id=np.arange(12))}), "the folds belong to different bags"),
        (
            "birds",
            sources.birds({3: sources.npz(bag_id=np.append(1, np.arange(7, 18)))}),
            "there is no .*WinterWren_fold_train",
        ),
        ("matlab", [sources.matlab(rows=np.ones((2, 2)))], r"bag, features and 1 labels, got float64 \(2, 2\)"),
        ("matlab", [sources.matlab(rows=np.array([[1, 0, 5.0], [2, 0, 6], [1, 0, 5]]))], "a bag are not adjacent"),
        ("matlab", [sources.matlab(rows=np.array([[1, 0, 5.0], [1, 0, 6]]))], "labels differ within a bag"),
        ("matlab", [sources.matlab(one=np.eye(4), two=np.eye(4))], "expected one matrix, got one, two"),
        ("mnist-bags", [gzip.compress(b"\0\0\x09\1", mtime=0), images()[1]], "file0.gz is not an idx file of bytes"),
    ],
)
def test_inconsistent_files_are_rejected(tmp_path: Path, reader: str, contents: list[bytes], text: str) -> None:
    with pytest.raises(ValueError, match=f"cannot read .*{text}"):
        read(tmp_path, reader, *contents, tasks=SPECIES if reader == "birds" else None)


def test_given_folds(tmp_path: Path) -> None:
    arrays = read(tmp_path, "mil", sources.mil_npz(n=60))
    seen = []
    for fold in (0, 7, 49):
        parts = given_split(arrays, fold, "toy")
        train = np.flatnonzero(arrays.folds["good"][fold])
        assert sorted([*parts["train"], *parts["valid"]]) == train.tolist()
        assert parts["test"].tolist() == np.flatnonzero(~arrays.folds["good"][fold]).tolist()
        y = arrays.y[parts["valid"], 0]
        assert len(y) in (5, 6)
        assert 2 <= y.sum() <= 3
        assert all((np.diff(bags) > 0).all() for bags in parts.values())
        again = given_split(arrays, fold, "toy")
        assert all((again[part] == parts[part]).all() for part in parts)
        seen.append(parts["valid"].tolist())
    assert len({tuple(valid) for valid in seen}) == 3
    assert given_split(arrays, None, "toy")["valid"].tolist() == seen[0]


def test_folds_of_another_task(tmp_path: Path) -> None:
    birds = read(tmp_path, "birds", *BIRDS, tasks=SPECIES)
    assert given_split(birds, 3, "toy")["test"].tolist() == [3]
    with pytest.raises(ValueError, match="toy has no given folds for 'Hermit Thrush', but for 'Winter Wren', .*choose"):
        given_split(choose_tasks(birds, ["Hermit Thrush", "Winter Wren"]), 0, "toy")
