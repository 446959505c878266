import gc
import pickle
import threading

import pytest
import torch

from xgraph.sampling.memory.buffers import MOST, SMALL, Buffers

SIZE = (SMALL // 4 + 1000, 2)


def test_memory_is_reused_only_without_references():
    buffers = Buffers()
    first = buffers.empty(SIZE, torch.float32)
    address = first.data_ptr()
    view = first[10:20].t()
    del first
    second = buffers.empty(SIZE, torch.float32)
    assert second.data_ptr() != address  # `view` still references it
    del view
    assert buffers.empty(SIZE, torch.float32).data_ptr() == address


@pytest.mark.parametrize("hold", ["autograd", "numpy", "parameter"])
def test_memory_with_indirect_references_is_not_reused(hold):
    buffers = Buffers()
    x = buffers.empty(SIZE, torch.float32).fill_(1.0)
    if hold == "autograd":
        weight = torch.ones(SIZE, requires_grad=True)
        held = (x * weight).sum()
    elif hold == "numpy":
        held = x.numpy()
    else:
        held = torch.nn.Parameter(x)
    address = x.data_ptr()
    del x
    other = buffers.empty(SIZE, torch.float32).fill_(2.0)
    assert other.data_ptr() != address
    if hold == "autograd":
        held.backward()
        assert (weight.grad == 1).all()
    elif hold == "numpy":
        assert (held == 1).all()
    else:
        assert (held == 1).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.bool])
def test_shape_and_dtype(dtype):
    tensor = Buffers().empty((2 * SMALL // dtype.itemsize // 3, 3), dtype)
    assert tensor.dtype == dtype
    assert tensor.is_contiguous()
    tensor.zero_()


def test_blocks_grow():
    buffers = Buffers()
    del_me = buffers.empty([SMALL], torch.int32)
    del del_me
    larger = buffers.empty([3 * SMALL], torch.int32).fill_(7)
    assert len(buffers._blocks) == 1
    assert (larger == 7).all()


def test_number_of_kept_blocks_is_limited():
    buffers = Buffers()
    kept = [buffers.empty([SMALL], torch.int32).fill_(i) for i in range(MOST + 3)]
    assert len(buffers._blocks) == MOST
    assert [int(t[-1]) for t in kept] == list(range(MOST + 3))


def test_saving_a_tensor_stores_only_its_own_bytes():
    tensor = Buffers().empty([SMALL], torch.int32)
    assert tensor.untyped_storage().nbytes() == 4 * SMALL


def test_pickles_hold_no_memory():
    buffers = Buffers()
    buffers.empty([SMALL], torch.int32)
    assert len(pickle.dumps(buffers)) < 1000
    pickle.loads(pickle.dumps(buffers)).empty([SMALL], torch.int32)


def test_threads_never_share_memory():
    buffers, wrong = Buffers(), []

    def work(number):
        for _ in range(200):
            tensor = buffers.empty([SMALL // 2], torch.int32).fill_(number)
            if not (tensor == number).all():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()
    assert not wrong


def test_number_of_kept_blocks_can_be_set():
    buffers = Buffers(most=1)
    kept = [buffers.empty([SMALL], torch.int32) for _ in range(3)]
    assert len(buffers._blocks) == 1
    assert pickle.loads(pickle.dumps(buffers)).most == 1
    assert len({t.data_ptr() for t in kept}) == 3
