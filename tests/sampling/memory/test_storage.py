import sys

import numpy as np
import pytest
import torch

from xgraph.sampling.memory import memory, storage
from xgraph.sampling.memory.features import FeatureStore, as_rows
from xgraph.sampling.memory.memory import GIB
from xgraph.sampling.memory.storage import Placement

GPU = torch.device("cuda", 0)


@pytest.mark.parametrize("word", ["device", "pinned", "host", "mmap"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64, torch.bool, torch.complex64])
def test_values_are_the_same_in_every_storage(word, dtype):
    x = (torch.arange(24).view(4, 3, 2) % 5).to(dtype)
    put = Placement.of("cpu", word).put(x)
    assert put.dtype == dtype
    assert torch.equal(put, x)
    assert Placement.of("cpu", word).put(torch.empty(0, 3)).shape == (0, 3)
    assert Placement.of("cpu", word).put(torch.tensor(2.0)) == 2


def test_tensors_already_in_place_are_not_copied():
    x = torch.rand(4, 3)
    for word in ("device", "pinned", "host"):
        place = Placement.of("cpu", word)
        assert place.put(x) is x
        assert place.cost(x) == 0


def test_parts_of_sparse_tensors_are_stored_separately():
    x = torch.eye(4).to_sparse_csr()
    put = Placement.of("cpu", "mmap").put(x)
    assert put.layout == torch.sparse_csr
    assert torch.equal(put.to_dense(), torch.eye(4))


@pytest.mark.parametrize("word", ["gpu", "", "Device", "memory"])
def test_unknown_storage_is_rejected(word):
    with pytest.raises(ValueError, match=f"storage must be one of device, pinned, host, mmap, got '{word}'"):
        Placement.of("cpu", word)


def test_arguments_of_the_wrong_type_are_rejected():
    with pytest.raises(TypeError, match="storage must be one of device, pinned, host, mmap, got None"):
        Placement.of("cpu", None)
    with pytest.raises(TypeError, match="device must be a name like 'cpu' or 'cuda', got 0"):
        Placement.of(0)


@pytest.mark.parametrize("device", ["tpu", "meta", "cuda:x", ""])
def test_unknown_devices_are_rejected(device):
    with pytest.raises(ValueError, match=f"device must be 'cpu' or 'cuda', got '{device}'"):
        Placement.of(device)


@pytest.mark.parametrize("device", ["cuda", "cuda:3", torch.device("cuda")])
def test_missing_gpu_is_reported(device, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="got 'cuda.*': torch finds no usable GPU"):
        Placement.of(device)


def test_nonexistent_gpu_is_reported(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    assert Placement.of("cuda").device == torch.device("cuda", 1)
    assert Placement.of("cuda:0").device == GPU
    with pytest.raises(ValueError, match="must be one of 2 GPUs, got 'cuda:2'"):
        Placement.of("cuda:2")


@pytest.mark.parametrize(("word", "sampled_on"), [("device", GPU), ("pinned", GPU), ("host", "cpu"), ("mmap", "cpu")])
def test_sampling_device_of_each_storage(word, sampled_on):
    assert Placement(GPU, word).sampling_device == torch.device(sampled_on)
    assert Placement(torch.device("cpu"), word).sampling_device == torch.device("cpu")


def test_too_little_gpu_memory_is_reported(monkeypatch):
    monkeypatch.setattr(storage, "free_memory", lambda device: (16 if device.type == "cuda" else 100) * GIB)
    place = Placement(GPU, "device")
    place.require("the graph", 15 * GIB)
    message = r'\(cuda:0\) for the graph: 20.00 GiB needed, 16.00 GiB free; use storage="pinned" or "host"'
    with pytest.raises(ValueError, match=message):
        place.require("the graph", 20 * GIB)
    with pytest.raises(ValueError, match='use storage="host" or "mmap"'):
        place.require("the graph", 200 * GIB)


def test_too_little_memory_to_page_lock_is_reported(monkeypatch):
    monkeypatch.setattr(storage, "free_memory", lambda device: 10 * GIB)
    with pytest.raises(
        ValueError, match=r'to page-lock the graph: 20.00 GiB needed, 10.00 GiB free; use storage="host"'
    ):
        Placement(GPU, "pinned").require("the graph", 20 * GIB)
    for word in ("host", "mmap"):
        Placement(GPU, word).require("the graph", 20 * GIB)
    Placement(torch.device("cpu"), "device").require("the graph", 20 * GIB)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks the system for its maps")
@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_mapped_tensors_stay_in_their_file(mode, tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", np.arange(12.0).reshape(4, 3))
    array = np.load(tmp_path / "x.npy", mmap_mode=mode)
    monkeypatch.setattr(memory.tempfile, "TemporaryFile", None)
    place = Placement.of("cpu", "mmap")
    for x in (as_rows(array), as_rows(array[1:, :2])):
        assert place.put(x) is x
    assert FeatureStore(array, storage="mmap")[torch.tensor([2])].tolist() == [[6, 7, 8]]
    monkeypatch.undo()
    once = place.put(torch.arange(5))  # in an unlinked file
    assert place.put(once) is once


def test_tensors_in_memory_are_copied_to_a_file():
    place = Placement.of("cpu", "mmap")
    for x in (torch.zeros(3), torch.zeros(1_000_000), torch.zeros(1_000_000).share_memory_()):
        assert not memory.is_memory_mapped(x)
        assert place.put(x).data_ptr() != x.data_ptr()
