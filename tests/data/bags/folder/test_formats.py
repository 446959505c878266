"""Features in files of all formats, of which rows are read."""

import contextlib
import math
import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch_geometric.data import Data

from tests.data.bag_folders import LOCATED, WRITERS
from xgraph.data.bags.folder.bag import Bag
from xgraph.data.bags.folder.files import ENDINGS
from xgraph.data.bags.folder.formats import DAMAGED, READERS
from xgraph.data.bags.folder.opened import OpenBags
from xgraph.data.bags.folder.rows import PlainRows

X = np.random.default_rng(0).normal(size=(11, 4)).astype(np.float32)
COORDS = np.arange(22).reshape(11, 2)


def opened(path: Path) -> Bag:
    return OpenBags([path], path.parent / "root")[0]


def test_every_ending_has_a_reader() -> None:
    assert tuple(READERS) == ENDINGS


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("dtype", ["float32", "float16", "float64", ">f8", "int16", "bool"])
def test_rows_of_all_formats_and_types(tmp_path: Path, form: str, dtype: Any) -> None:
    if dtype == ">f8" and form.startswith("tensor"):
        dtype = "float64"  # torch knows the byte order of the machine only
    ending, write = WRITERS[form]
    x = X.astype(dtype)
    write(tmp_path / f"bag{ending}", x, COORDS)
    bag = opened(tmp_path / f"bag{ending}")
    assert bag.rows.shape == (11, 4)
    for rows in ([0], [10], [0, 1, 2], [1, 4, 5, 9], list(range(11)), [7, 2, 2, 10], []):
        read = bag.rows.take(np.array(rows, dtype=np.int64))
        assert read.dtype == np.float32
        np.testing.assert_array_equal(read, x[rows].astype(np.float32))
    if form in ("npy", "npz", "tensor"):
        assert isinstance(bag.rows, PlainRows) or dtype == "bool", "read without mapping the file"
    if form in LOCATED:
        assert bag.coords == (11, 2)
        assert bag.read_coords is not None
        np.testing.assert_array_equal(bag.read_coords(), COORDS)
    else:
        assert bag.coords is None


def test_which_part_of_a_tensor_file_is_read(tmp_path: Path) -> None:
    whole = torch.from_numpy(X)
    torch.save(whole[3:8], tmp_path / "view.pt")
    np.testing.assert_array_equal(opened(tmp_path / "view.pt").rows.take(np.arange(5)), X[3:8])
    torch.save(whole.T, tmp_path / "columns first.pt")
    np.testing.assert_array_equal(opened(tmp_path / "columns first.pt").rows.take(np.arange(4)), X.T)
    torch.save({"x": whole, "coords": -whole}, tmp_path / "same size.pt")
    bag = opened(tmp_path / "same size.pt")
    assert not isinstance(bag.rows, PlainRows)
    np.testing.assert_array_equal(bag.rows.take(np.arange(11)), X)


def test_images_are_instances_too(tmp_path: Path) -> None:
    images = np.random.default_rng(0).normal(size=(5, 3, 4, 4)).astype(np.float32)
    for form in ("compressed", "npy", "npz, compressed", "tensors"):
        ending, write = WRITERS[form]
        write(tmp_path / f"bag{ending}", images, None)
        np.testing.assert_array_equal(opened(tmp_path / f"bag{ending}").rows.take(np.array([3, 1])), images[[3, 1]])


@pytest.mark.parametrize("form", ["as CLAM", "compressed", "npy", "tensor"])
def test_only_what_is_asked_for_is_read(tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ending, write = WRITERS[form]
    x = np.arange(4000, dtype=np.float32).reshape(1000, 4)
    write(tmp_path / f"bag{ending}", x, None)
    rows = opened(tmp_path / f"bag{ending}").rows
    monkeypatch.setattr(rows, "limit", 60)
    read: list[int] = []
    slab = rows.slab
    monkeypatch.setattr(rows, "slab", lambda start, end: [read.append(end - start), slab(start, end)][1])
    np.testing.assert_array_equal(rows.take(np.array([5, 300, 301, 302, 999])), x[[5, 300, 301, 302, 999]])
    assert sum(read) == 5
    read.clear()
    rows.take(np.arange(1000))
    assert max(read) <= 60


def refuse(path: Path, *words: str) -> None:
    with pytest.raises(ValueError, match=".*".join(words)):
        opened(path)


def test_what_is_no_bag_of_features(tmp_path: Path) -> None:
    for number, (x, words) in enumerate(
        [
            (np.zeros((0, 4)), "holds no instances"),
            (np.zeros(4), r"but have \[4\]"),
            (np.zeros((2, 0)), r"but have \[2, 0\]"),
            (np.zeros((2, 3, 4)), r"but have \[2, 3, 4\]"),
            (np.zeros((2, 4), dtype=complex), "real numbers, but are complex128"),
            (np.array([["a", "b"]]), "real numbers, but are <U1"),
            (np.zeros((2, 2), dtype="M8[s]"), "real numbers, but are datetime64"),
        ]
    ):
        np.save(tmp_path / f"{number}.npy", x)
        refuse(tmp_path / f"{number}.npy", words)
    np.save(tmp_path / "object.npy", np.array([{}]), allow_pickle=True)
    refuse(tmp_path / "object.npy", "but are object")
    np.savez(tmp_path / "two.npz", a=X, b=X)
    refuse(tmp_path / "two.npz", "expected arrays called 'features'", "holds 'a', 'b'")
    with h5py.File(tmp_path / "group.h5", "w") as file:
        file.create_group("features")
    refuse(tmp_path / "group.h5", "expected datasets called 'features'", "holds none")


def test_tensors_are_loaded_without_running_code(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> Any:
            return Path.write_text, (tmp_path / "ran", "")

    torch.save(Hostile(), tmp_path / "hostile.pt")
    refuse(tmp_path / "hostile.pt", "could run code when loaded; save the tensor alone")
    (tmp_path / "pickle.pt").write_bytes(pickle.dumps(Hostile()))
    refuse(tmp_path / "pickle.pt", "it ")
    assert not (tmp_path / "ran").exists()
    torch.save(Data(x=torch.zeros(3, 4)), tmp_path / "graph.pt")
    refuse(tmp_path / "graph.pt", "it holds")
    torch.save([torch.zeros(3, 4)], tmp_path / "list.pt")
    refuse(tmp_path / "list.pt", "expected a tensor, or a dictionary with 'features', but it holds a list")
    torch.save(torch.zeros(3, 4).to_sparse(), tmp_path / "sparse.pt")
    refuse(tmp_path / "sparse.pt", "must be a dense real tensor")
    torch.save(torch.zeros(3, 4, requires_grad=True, dtype=torch.bfloat16), tmp_path / "bfloat.pt")
    assert opened(tmp_path / "bfloat.pt").rows.take(np.array([1])).tolist() == [[0, 0, 0, 0]]


@pytest.mark.parametrize("form", WRITERS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_are_refused_or_read(tmp_path: Path, form: str, data: st.DataObject) -> None:
    ending, write = WRITERS[form]
    path = tmp_path / f"bag{ending}"
    write(path, X, COORDS)
    content = path.read_bytes()
    if data.draw(st.booleans(), label="cut off"):
        content = content[: data.draw(st.integers(0, len(content) - 1), label="length")]
    else:
        place = data.draw(st.integers(0, min(len(content) - 4, 400)), label="place")
        content = content[:place] + data.draw(st.binary(min_size=1, max_size=4), label="bytes") + content[place + 4 :]
    path.write_bytes(content)
    with contextlib.suppress(*DAMAGED):
        rows = opened(path).rows
        if math.prod(rows.shape) < 10**6:  # a damaged header may announce more
            assert rows.take(np.arange(rows.shape[0])).shape == rows.shape
