import mmap
import pickle
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from xgraph.data import BagDataset
from xgraph.data.bags.instances import make_store
from xgraph.data.bags.mapped_instances import MappedStore


@pytest.mark.parametrize("order", ["C", "F"])
def test_mapped_file_is_reopened_by_another_process(tmp_path: Path, order: Any) -> None:
    array = np.asarray(np.random.default_rng(0).random((5000, 4)), dtype=np.float32, order=order)
    np.save(tmp_path / "x.npy", array)
    store = make_store(tmp_path / "x.npy")
    packed = pickle.dumps(store)
    assert len(packed) < 2000
    again = pickle.loads(packed)
    assert isinstance(again.x, np.memmap)
    np.testing.assert_array_equal(again.take(torch.arange(5000)).x, array)


@pytest.mark.parametrize("order", ["C", "F"])
def test_part_of_a_mapped_file_is_reopened_too(tmp_path: Path, order: Any) -> None:
    array = np.asarray(np.random.default_rng(0).random((5000, 64)), dtype=np.float32, order=order)
    np.save(tmp_path / "x.npy", array)
    whole = np.load(tmp_path / "x.npy", mmap_mode="r")
    for rows, columns in ((slice(1000, 4000), slice(None)), (slice(None), slice(3, 9)), (slice(0, 4000, 2), slice(2))):
        part, want = whole[rows, columns], array[rows, columns]
        packed = pickle.dumps(MappedStore(part))
        adjacent = part.flags.c_contiguous or part.flags.f_contiguous
        assert (len(packed) < 2000) == adjacent
        np.testing.assert_array_equal(pickle.loads(packed).take(torch.arange(len(want))).x, want)


@pytest.mark.skipif(not hasattr(mmap, "MADV_WILLNEED"), reason="no madvise here")
def test_long_runs_of_rows_are_announced(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((5000, 64), dtype=np.float32))
    for first in (0, 1000):
        store = MappedStore(np.load(tmp_path / "x.npy", mmap_mode="r")[first:])
        announced: list[tuple[int, int]] = []
        spy: Any = SimpleNamespace(madvise=lambda advice, start, length, spans=announced: spans.append((start, length)))
        store._announce(spy, np.array([*range(10, 900), 1000, 1002, 1004, *range(2000, 2255), *range(3000, 3256)]))
        begin = 128 + first * 256  # behind the header of the file
        expected = []
        for start, end in ((begin + 10 * 256, begin + 900 * 256), (begin + 3000 * 256, begin + 3256 * 256)):
            expected.append((start // mmap.PAGESIZE * mmap.PAGESIZE, end - start // mmap.PAGESIZE * mmap.PAGESIZE))
        assert announced == expected


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


def test_invalid_files_are_rejected(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.zeros((2, 2)))
    np.save(tmp_path / "text.npy", np.array([["a", "b"]]))
    np.save(tmp_path / "objects.npy", np.array([[None]]), allow_pickle=True)
    (tmp_path / "junk.npy").write_bytes(b"junk")
    good = tmp_path / "good.npy"
    np.save(good, np.zeros((100, 2)))
    (tmp_path / "short.npy").write_bytes(good.read_bytes()[:-100])
    for name, text in (
        ("x.npz", "cannot map .*x.npz, which is an archive; expected an npy file"),
        ("text.npy", "instances must be a numeric array of shape"),
        ("objects.npy", "cannot map .*objects.npy"),
        ("junk.npy", "cannot map .*junk.npy"),
        ("short.npy", "cannot map .*short.npy"),
    ):
        with pytest.raises(ValueError, match=text):
            make_store(tmp_path / name)
