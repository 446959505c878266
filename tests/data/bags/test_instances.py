from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

from xgraph.data import MoleculeDataset
from xgraph.data.bags.instances import GraphStore, MappedStore, RowStore, make_store, unusable_row


@pytest.mark.parametrize("dtype", ["float64", "float16", "uint8", "int16", "uint16", "bool"])
@pytest.mark.parametrize("kind", ["tensor", "array", "read-only", "file", "mapped"])
def test_rows_of_any_type(tmp_path: Path, dtype: str, kind: str) -> None:
    array = (np.arange(24).reshape(8, 3) % 5).astype(dtype)
    np.save(tmp_path / "x.npy", array)
    instances: Any = {
        "tensor": torch.from_numpy(array.copy()),
        "array": array,
        "file": str(tmp_path / "x.npy"),
        "mapped": np.load(tmp_path / "x.npy", mmap_mode="r"),
        "read-only": np.frombuffer(array.tobytes(), dtype).reshape(8, 3),
    }[kind]
    store = make_store(instances)
    assert isinstance(store, MappedStore if kind in ("file", "mapped") else RowStore)
    assert (len(store), store.shape, store.num_features) == (8, (3,), 3)
    x = store.take(torch.tensor([7, 0, 0])).x
    assert x.dtype == torch.float32
    np.testing.assert_array_equal(x, array[[7, 0, 0]].astype(np.float32))


def test_images() -> None:
    store = make_store(torch.zeros(4, 3, 5, 6))
    assert (store.shape, store.num_features) == ((3, 5, 6), 3)
    assert store.take(torch.tensor([1])).x.shape == (1, 3, 5, 6)


@pytest.mark.parametrize(
    ("instances", "kind", "text"),
    [
        (torch.zeros(4), ValueError, r"shape \[N, C\] or \[N, channels, height, width\], got float32 \[4\]"),
        (torch.zeros(4, 2, 2), ValueError, r"got float32 \[4, 2, 2\]"),
        (torch.zeros(4, 2, dtype=torch.complex64), ValueError, "got complex64"),
        (torch.eye(3).to_sparse(), ValueError, "must be a dense real tensor"),
        (np.array([["a"]]), ValueError, "instances must be numeric, got an array of <U1"),
        (np.array([[None]]), ValueError, "instances must be numeric, got an array of object"),
        (7, TypeError, "instances must be a tensor, .* got int"),
        ([Data(), 3], TypeError, "instances must be PyG Data objects, but instance 1 is of type int"),
        ("nowhere.npy", FileNotFoundError, "file 'nowhere.npy' does not exist"),
    ],
)
def test_invalid_instances_are_rejected(instances: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        make_store(instances)


def test_labels_of_graphs_are_dropped() -> None:
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


def test_molecules_are_batched_from_packed_arrays() -> None:
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
    monkeypatch.setattr("xgraph.data.bags.instances._CHECKED", 30)  # ten rows at a time
    assert make_store(x).unusable() == 70
    assert unusable_row(torch.ones(3, 2, dtype=torch.int64)) is None
    assert unusable_row(torch.empty(0, 2)) is None
    graphs = [Data(x=torch.ones(2, 1)), Data(x=torch.ones(2, 1), edge_attr=torch.tensor([[torch.nan]]))]
    assert make_store(graphs).unusable() == 1


def test_arrays_unsupported_by_torch_are_copied() -> None:
    array = np.arange(12.0).reshape(4, 3)
    for instances in (array.astype(">f4"), array[::-1], array[:, ::-1], array[::2]):
        np.testing.assert_array_equal(make_store(instances).take(torch.tensor([1])).x[0], instances[1])


def test_numbers_beyond_float32_are_unusable() -> None:
    x = torch.ones(5, 2, dtype=torch.float64)
    x[3, 0] = -1e39
    assert make_store(x).unusable() == 3
