import os
import tempfile

import numpy as np
import pytest
import torch

from xgraph.sampling.memory.memory import free_memory, memory_mapped, nbytes


def test_strided_tensors_are_mapped():
    x = torch.arange(12).view(3, 4).t()
    assert torch.equal(memory_mapped(x), x)


def test_mapped_files_leave_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    x = memory_mapped(torch.arange(1000))
    assert list(tmp_path.iterdir()) == []
    assert int(x.sum()) == 499500


def test_mapped_tensors_are_writable():
    x = memory_mapped(torch.zeros(3))
    x += 1
    assert x.tolist() == [1, 1, 1]


def test_full_disk_is_reported(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(ValueError, match=r'storage="mmap": cannot write .* GiB to .*missing.*TMPDIR'):
        memory_mapped(torch.zeros(3))

    class Full:
        def __init__(self, **_):
            pass

        def __enter__(self):
            raise OSError(28, os.strerror(28))

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(tempfile, "TemporaryFile", Full)
    with pytest.raises(ValueError, match="No space left on device"):
        memory_mapped(torch.zeros(3))


def test_free_memory_matches_the_system():
    assert 2**20 < free_memory(torch.device("cpu")) < 2**50


def test_free_memory_on_other_systems(monkeypatch):
    def no_such_file(*_):
        raise OSError

    monkeypatch.setattr("builtins.open", no_such_file)
    assert free_memory(torch.device("cpu")) > 2**20
    monkeypatch.delattr(os, "sysconf")
    assert free_memory(torch.device("cpu")) == 2**63 - 1


def test_nbytes():
    assert nbytes(torch.zeros(3, 5, dtype=torch.float16)) == 30
    assert nbytes(torch.from_numpy(np.zeros(0))) == 0
