import zipfile
from pathlib import Path

import numpy as np
import pytest

from xgraph.data.storage.memory_map import map_npz


def test_arrays_are_mapped_and_kept(tmp_path: Path) -> None:
    path, folder = tmp_path / "a.npz", tmp_path / "kept"
    np.savez_compressed(path, big=np.arange(1000), other=np.ones(3), left=np.zeros(2))
    calls = []
    arrays = map_npz(path, folder, ("big", "other", "none"), lambda *call: calls.append(call))
    assert set(arrays) == {"big", "other"}
    assert isinstance(arrays["big"], np.memmap)
    np.testing.assert_array_equal(arrays["big"], np.arange(1000))
    assert [call[2] for call in calls] == ["unpacking big", "unpacking other"]
    arrays["big"][0] = 7
    assert map_npz(path, folder)["big"][0] == 0


def test_truncated_file_is_unpacked_again(tmp_path: Path) -> None:
    path, folder = tmp_path / "a.npz", tmp_path / "kept"
    np.savez(path, a=np.arange(9))
    map_npz(path, folder)
    (folder / "a.npy").write_bytes((folder / "a.npy").read_bytes()[:-4])
    assert map_npz(path, folder)["a"].tolist() == list(range(9))


def test_damaged_and_hostile_files(tmp_path: Path) -> None:
    path, folder = tmp_path / "a.npz", tmp_path / "kept"
    np.savez_compressed(path, a=np.arange(9))
    content = path.read_bytes()
    path.write_bytes(content[:-9])
    with pytest.raises(ValueError, match=r"cannot read .*a\.npz"):
        map_npz(path, folder)
    np.savez(path, a=np.array([object()]))
    with pytest.raises(ValueError, match=r"cannot read .*a\.npz"):
        map_npz(path, folder)


def test_a_corrupt_stream_and_archives_that_cannot_be_read(tmp_path: Path) -> None:
    path, folder = tmp_path / "a.npz", tmp_path / "kept"
    np.savez_compressed(path, a=np.random.default_rng(0).integers(0, 9, 5000))
    content = path.read_bytes()
    start = content.index(b"a.npy") + 200
    path.write_bytes(content[:start] + bytes(255 - b for b in content[start : start + 60]) + content[start + 60 :])
    with pytest.raises(ValueError, match=r"cannot read .*a\.npz: "):
        map_npz(path, folder)
    assert list(folder.iterdir()) == []
    for offset, value in ((6, 1), (8, 99)):  # encrypted; packed by a method that is not known
        edited = bytearray(content)
        edited[offset] = value
        directory = edited.index(b"PK\x01\x02")
        edited[directory + offset + 2] = value
        path.write_bytes(edited)
        assert zipfile.is_zipfile(path)
        with pytest.raises(ValueError, match=r"cannot read .*a\.npz: "):
            map_npz(path, folder)
