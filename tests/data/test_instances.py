import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

from xgraph.data import BagDataset, MoleculeDataset
from xgraph.data.instances import GraphStore, MappedStore, RowStore, make_store, unusable_row


@pytest.mark.parametrize("dtype", ["float64", "float16", "uint8", "int16", "uint16", "bool"])
@pytest.mark.parametrize("kind", ["tensor", "array", "read-only", "file", "mapped"])
def test_rows_of_any_kind(tmp_path: Path, dtype: str, kind: str) -> None:
    array = (np.arange(24).reshape(8, 3) % 5).astype(dtype)
    np.save(tmp_path / "x.npy", array)
    given: Any = {
        "tensor": torch.from_numpy(array.copy()),
        "array": array,
        "file": str(tmp_path / "x.npy"),
        "mapped": np.load(tmp_path / "x.npy", mmap_mode="r"),
        "read-only": np.frombuffer(array.tobytes(), dtype).reshape(8, 3),
    }[kind]
    store = make_store(given)
    assert isinstance(store, MappedStore if kind in ("file", "mapped") else RowStore)
    assert (len(store), store.shape, store.num_features) == (8, (3,), 3)
    x = store.take(torch.tensor([7, 0, 0])).x
    assert x.dtype == torch.float32
    np.testing.assert_array_equal(x, array[[7, 0, 0]].astype(np.float32))


def test_images() -> None:
    store = make_store(torch.zeros(4, 3, 5, 6))
    assert (store.shape, store.num_features) == ((3, 5, 6), 3)
    assert store.take(torch.tensor([1])).x.shape == (1, 3, 5, 6)


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_mapped_file_is_opened_again_by_another_process(tmp_path: Path, order: Any) -> None:
    array = np.asarray(np.random.default_rng(0).random((5000, 4)), dtype=np.float32, order=order)
    np.save(tmp_path / "x.npy", array)
    store = make_store(tmp_path / "x.npy")
    packed = pickle.dumps(store)
    assert len(packed) < 2000
    again = pickle.loads(packed)
    assert isinstance(again.x, np.memmap)
    np.testing.assert_array_equal(again.take(torch.arange(5000)).x, array)
    part = MappedStore(np.load(tmp_path / "x.npy", mmap_mode="r")[100:200])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(part)).take(torch.arange(100)).x, array[100:200])


def anonymous_memory() -> float:
    """MiB of this process that no file backs."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) / 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_only_the_rows_of_a_batch_are_read(tmp_path: Path) -> None:
    """Of a file of 4 GiB (with holes, so the disk has little of it) 400 batches take no memory that stays."""
    n, path = 1 << 21, tmp_path / "x.npy"
    begin = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(n, 512)).offset
    marked = np.random.default_rng(0).integers(1000, n, 400)
    with open(path, "r+b") as file:
        for row in marked.tolist():
            file.seek(begin + (row * 512 + 7) * 4)
            file.write(np.float32(row).tobytes())
    before = anonymous_memory()
    data = BagDataset(path, np.arange(0, n + 1, 64), np.arange(n // 64) % 2)
    for row in marked.tolist():
        batch = data.batch([row // 64, 5])
        assert batch.x.shape == (128, 512)
        assert batch.x[row % 64, 7] == row
    assert anonymous_memory() - before < 64


@pytest.mark.parametrize(
    ("instances", "kind", "text"),
    [
        (torch.zeros(4), ValueError, r"shape \[N, C\] or \[N, channels, height, width\], got float32 \[4\]"),
        (torch.zeros(4, 2, 2), ValueError, r"got float32 \[4, 2, 2\]"),
        (torch.zeros(4, 2, dtype=torch.complex64), ValueError, "got complex64"),
        (torch.eye(3).to_sparse(), ValueError, "must be dense"),
        (np.array([["a"]]), ValueError, "instances must be numbers, got an array of <U1"),
        (np.array([[None]]), ValueError, "instances must be numbers, got an array of object"),
        (7, TypeError, "instances must be a tensor, .* got int"),
        ([Data(), 3], TypeError, "instances must be PyG Data objects, but instance 1 is of type int"),
        ("nowhere.npy", FileNotFoundError, "there is no file 'nowhere.npy'"),
    ],
)
def test_what_holds_no_instances(instances: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        make_store(instances)


def test_files_that_cannot_be_mapped(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.zeros((2, 2)))
    np.save(tmp_path / "text.npy", np.array([["a", "b"]]))
    np.save(tmp_path / "objects.npy", np.array([[None]]), allow_pickle=True)
    (tmp_path / "junk.npy").write_bytes(b"junk")
    good = tmp_path / "good.npy"
    np.save(good, np.zeros((100, 2)))
    (tmp_path / "short.npy").write_bytes(good.read_bytes()[:-100])
    for name, text in (
        ("x.npz", "cannot map .*x.npz, which is an archive: expected an npy file"),
        ("text.npy", "instances must be numbers of shape"),
        ("objects.npy", "cannot map .*objects.npy"),
        ("junk.npy", "cannot map .*junk.npy"),
        ("short.npy", "cannot map .*short.npy"),
    ):
        with pytest.raises(ValueError, match=text):
            make_store(tmp_path / name)


def test_graphs_lose_labels_of_their_own() -> None:
    graphs = [
        Data(x=torch.full((i + 1, 2), float(i)), edge_index=torch.zeros(2, i, dtype=torch.long), y=torch.ones(1))
        for i in range(4)
    ]
    store = make_store(graphs)
    assert isinstance(store, GraphStore)
    assert (len(store), store.shape, store.num_features) == (4, (), 2)
    batch = store.take(torch.tensor([3, 1]))
    assert "y" not in batch
    assert batch.batch.tolist() == [0, 0, 0, 0, 1, 1]
    assert batch.x[:, 0].tolist() == [3, 3, 3, 3, 1, 1]


def test_molecules_are_batched_packed() -> None:
    molecules = MoleculeDataset.from_smiles(["CCO", "C", "c1ccccc1"])
    store = make_store(molecules)
    assert (len(store), store.num_features) == (3, 9)
    batch = store.take(torch.tensor([2, 0]))
    assert torch.equal(batch.x, torch.cat([molecules[2].x, molecules[0].x]))
    assert torch.equal(batch.edge_index[:, 12:], molecules[0].edge_index + 6)


def test_the_first_unusable_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.zeros(100, 3)
    assert make_store(x).unusable() is None
    x[70, 1], x[80, 0] = torch.inf, torch.nan
    monkeypatch.setattr("xgraph.data.instances._CHECKED", 30)  # ten rows at a time
    assert make_store(x).unusable() == 70
    assert unusable_row(torch.ones(3, 2, dtype=torch.int64)) is None
    assert unusable_row(torch.empty(0, 2)) is None
    graphs = [Data(x=torch.ones(2, 1)), Data(x=torch.ones(2, 1), edge_attr=torch.tensor([[torch.nan]]))]
    assert make_store(graphs).unusable() == 1
