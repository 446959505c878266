"""Tables stored off the device: same numbers with every storage, and no files left on disk."""

import copy
import errno
import gc
import io
import os
import pickle
import subprocess
import sys
import tempfile

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_map

from xgraph.estimators import CosineGamma, LogMovingAverage, MovingAverage, RatioMovingAverage
from xgraph.estimators import storage as storage_module
from xgraph.estimators.storage import _reserve

OFF = pytest.mark.parametrize("storage", ["host", "mmap"])
KINDS = {MovingAverage: ((3,),), LogMovingAverage: ((3,),), RatioMovingAverage: (2,)}
EVERY = pytest.mark.parametrize("kind", list(KINDS))


def make(kind, num_items=9, **options):
    return kind(num_items, *KINDS[kind], **{"gamma": 0.3, **options})


def batches(count, num_items=9, seed=0):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        index = torch.randint(num_items, (5,), generator=generator)
        yield torch.rand(5, 3, generator=generator), index


def stepped(table, count=6):
    for estimate, index in batches(count):
        table(estimate, index)
    return table


def equal(one, other):
    return torch.equal(one.value, other.value) and torch.equal(one.seen, other.seen)


@OFF
@EVERY
@pytest.mark.parametrize(
    ("dtype", "gradient"),
    [(torch.float32, "scaled"), (torch.bfloat16, "straight_through"), (torch.float16, "straight_through")],
)
def test_values_and_gradients_match_device_storage(kind, storage, dtype, gradient):
    options = {"dtype": dtype, "gradient": gradient, "max_lag": 11.0, "restart_lag": 12.0}
    near, far = make(kind, **options), make(kind, storage=storage, **options)
    for estimate, index in batches(8):
        leaves = [estimate.clone().requires_grad_() for _ in "ab"]
        outs = [near(leaves[0], index), far(leaves[1], index)]
        assert torch.equal(*outs)
        for out in outs:
            out.square().sum().backward()
        assert torch.equal(leaves[0].grad, leaves[1].grad)
        assert torch.equal(near.read(index, estimate), far.read(index, estimate))
    assert equal(near, far)
    assert far.value.dtype == dtype


class Remote(torch.Tensor):
    """A tensor that claims to be on a GPU."""


class TwoDevices(TorchFunctionMode):
    """Acts as if `Remote` tensors were on a GPU: mixing them with others fails, and `to` converts between the two."""

    gpu = torch.device("cuda:0")

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        inputs = [x for x in tree_flatten((args, kwargs))[0] if isinstance(x, torch.Tensor)]
        remote = any(isinstance(x, Remote) for x in inputs)
        if func == torch.Tensor.device.__get__:
            return self.gpu if remote else torch.device("cpu")
        if func is torch.Tensor.to:
            target = next((torch.device(x) for x in args[1:] if isinstance(x, str | torch.device)), None)
            args = [x for x in args if not isinstance(x, str | torch.device)]
            kwargs.pop("non_blocking", None)
            remote = remote if target is None else target.type == "cuda"
        elif remote and not all(isinstance(x, Remote) or not x.dim() for x in inputs):
            raise RuntimeError(f"tensors of two devices in {func}")

        def plain(x):
            return x.as_subclass(torch.Tensor) if isinstance(x, Remote) else x

        def placed(x):
            return x.as_subclass(Remote if remote else torch.Tensor) if isinstance(x, torch.Tensor) else x

        with torch._C.DisableTorchFunction():
            args, kwargs = tree_map(plain, (args, kwargs))
            if func is torch.Tensor.to and len(args) == 1 and not kwargs:
                return placed(args[0])
            return tree_map(placed, func(*args, **kwargs))


@EVERY
@pytest.mark.parametrize("gradient", ["straight_through", "scaled"])
def test_rows_stay_in_host_memory_when_the_module_is_on_another_device(kind, gradient):
    options = {"gradient": gradient, "dtype": torch.bfloat16, "validate": False, "restart_lag": 3.0}
    near, far = make(kind, **options), make(kind, storage="host", **options)
    stuck_here = make(kind, **options)
    for step, (estimate, index) in enumerate(batches(6)):
        near(estimate * 10**step, index)
    with TwoDevices():
        far.seen, far.stuck = far.seen.to("cuda"), far.stuck.to("cuda")
        for step, (estimate, index) in enumerate(batches(6)):
            moved = (estimate * 10**step).to("cuda"), index.to("cuda")
            out = far(*moved)
            assert out.device.type == far.read(moved[1], moved[0]).device.type == "cuda"
        assert far.value.device.type == "cpu"
        with pytest.raises(RuntimeError, match="two devices"):  # raised by TwoDevices
            stuck_here(*moved)
        far.seen, far.stuck = far.seen.to("cpu"), far.stuck.to("cpu")
    assert equal(near, far)


@OFF
def test_moving_the_module_does_not_move_the_rows(storage):
    table = stepped(make(MovingAverage, storage=storage))
    before = table.value
    assert "value" not in dict(table.named_buffers())
    table.to("meta")
    assert table.seen.device.type == "meta"
    assert table.value is before


@OFF
def test_dtype_conversion_matches_device_storage(storage):
    for dtype in (torch.float32, torch.bfloat16):
        near, far = (stepped(make(MovingAverage, dtype=dtype, storage=where)) for where in ("device", storage))
        for name in ("half", "double", "float", "bfloat16"):
            getattr(near, name)()
            getattr(far, name)()
            assert far.value.dtype == near.value.dtype
            assert equal(near, far)


@OFF
def test_states_load_across_all_kinds_of_storage(storage):
    source = stepped(make(LogMovingAverage))
    far = make(LogMovingAverage, storage=storage)
    place = far.value.data_ptr()
    buffer = io.BytesIO()
    torch.save(source.state_dict(), buffer)
    buffer.seek(0)
    far.load_state_dict(torch.load(buffer, weights_only=True))
    assert equal(source, far)
    assert far.value.data_ptr() == place
    far.load_state_dict(source.state_dict(), assign=True)  # rows stay in their file
    assert far.value.data_ptr() == place
    assert list(far.state_dict()) == list(source.state_dict())
    back = make(LogMovingAverage)
    back.load_state_dict(far.state_dict())
    assert equal(source, back)


@OFF
def test_mismatched_state_is_rejected_and_table_unchanged(storage):
    table = stepped(make(MovingAverage, storage=storage))
    before = table.value.clone()
    with pytest.raises(RuntimeError, match="size mismatch for value"):
        table.load_state_dict(make(MovingAverage, num_items=10).state_dict())
    state = table.state_dict()
    del state["value"]
    with pytest.raises(RuntimeError, match='Missing key.* "value"'):
        table.load_state_dict(state)
    table.load_state_dict(state, strict=False)
    assert torch.equal(table.value, before)


@OFF
@pytest.mark.parametrize("how", ["deepcopy", "pickle", "torch.save"])
def test_copies_have_their_own_rows_in_the_same_storage(storage, how, tmp_path):
    options = {"folder": tmp_path} if storage == "mmap" else {}
    table = torch.nn.ModuleList([stepped(make(MovingAverage, storage=storage, **options))])
    if how == "deepcopy":
        copied = copy.deepcopy(table)
    elif how == "pickle":
        copied = pickle.loads(pickle.dumps(table))
    else:
        buffer = io.BytesIO()
        torch.save(table, buffer)
        buffer.seek(0)
        copied = torch.load(buffer, weights_only=False)
    table, copied = table[0], copied[0]
    assert equal(table, copied)
    before = table.value.clone()
    estimate, index = next(batches(1, seed=5))
    copied(estimate, index)
    assert torch.equal(table.value, before)
    assert not torch.equal(copied.value, before)
    if storage == "mmap" and sys.platform == "linux":
        assert len(maps(tmp_path)) == 2
    table(estimate, index)
    assert equal(table, copied)


@OFF
def test_shallow_copies_share_rows(storage):
    table = make(MovingAverage, storage=storage)
    shallow = copy.copy(table)
    stepped(shallow)
    assert shallow is not table
    assert equal(table, shallow)
    assert table.seen.any()


@OFF
def test_two_tables_are_independent(storage):
    one, other = make(MovingAverage, storage=storage), make(MovingAverage, storage=storage)
    stepped(one)
    assert not other.value.any()
    assert not other.seen.any()


@OFF
def test_reset_forgets_all_items(storage):
    table = stepped(make(MovingAverage, storage=storage))
    table.reset_parameters()
    assert equal(table, make(MovingAverage))


@pytest.mark.parametrize("storage", ["device", "host", "mmap"])
def test_table_can_be_excluded_from_checkpoints(storage):
    model = torch.nn.Sequential(make(MovingAverage, storage=storage, in_checkpoint=False, gamma=CosineGamma(9)))
    stepped(model[0])
    model[0].set_epoch(4)
    value, seen = model[0].value.clone(), model[0].seen.clone()
    assert list(model.state_dict()) == ["0.epoch"]
    full = torch.nn.Sequential(make(MovingAverage, gamma=CosineGamma(9)))
    for state in (model.state_dict(), full.state_dict()):  # without and with a table
        model.load_state_dict(state)
        assert torch.equal(model[0].value, value)
        assert torch.equal(model[0].seen, seen)
        assert model[0].epoch == int(state["0.epoch"])
    with pytest.raises(RuntimeError, match=r'Missing key.* "0\.value", "0\.seen"'):
        full.load_state_dict(torch.nn.Sequential(make(MovingAverage, in_checkpoint=False)).state_dict())
    assert torch.equal(copy.deepcopy(model)[0].value, value)


def test_unwatched_tables_allocate_no_stuck_buffer():
    table = make(MovingAverage, watch=False)
    assert table.stuck.numel() == 0
    assert stepped(table).monitor()["stuck"] == 0.0
    table.reset_parameters()
    assert "stuck" not in table.state_dict()


def test_repr_shows_non_default_settings():
    assert "storage=mmap" in repr(make(MovingAverage, storage="mmap"))
    assert "gradient=scaled" in repr(make(MovingAverage, gradient="scaled"))
    assert "storage" not in repr(make(MovingAverage))


def test_invalid_storage_and_folder_are_rejected(tmp_path):
    with pytest.raises(ValueError, match="storage must be one of device, pinned, host, mmap, got 'disk'"):
        make(MovingAverage, storage="disk")
    with pytest.raises(ValueError, match="folder is only used with storage='mmap', got storage='host'"):
        make(MovingAverage, storage="host", folder=tmp_path)
    missing = tmp_path / "missing"
    with pytest.raises(ValueError, match=r"cannot reserve 0\.00 GiB in .*missing \(No such file"):
        make(MovingAverage, storage="mmap", folder=missing)


def test_empty_rows_need_no_file():
    table = MovingAverage(4, (0,), storage="mmap")
    assert table(torch.zeros(2, 0), torch.tensor([1, 3])).shape == (2, 0)


# Files on disk.


def maps(folder):
    with open("/proc/self/maps") as lines:
        return [line for line in lines if str(folder) in line]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_file_is_unlinked_and_freed_with_the_table(tmp_path):
    table = stepped(make(MovingAverage, storage="mmap", folder=tmp_path))
    assert not list(tmp_path.iterdir())  # the file is unlinked as soon as it is mapped
    assert len(maps(tmp_path)) == 1
    table.double()
    gc.collect()
    assert len(maps(tmp_path)) == 1  # the file of the float32 rows is gone
    rows = table.value
    del table
    gc.collect()
    assert rows.any()  # a reference to the rows keeps them alive
    del rows
    gc.collect()
    assert not maps(tmp_path)


def test_default_folder_is_the_one_for_temporary_files(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(ValueError, match=str(tmp_path / "none")):
        make(MovingAverage, storage="mmap")
    make(MovingAverage, storage="mmap", folder=tmp_path)


@pytest.mark.parametrize("native", [True, False])
def test_disk_space_is_reserved_up_front(native, monkeypatch, tmp_path):
    if not native:
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    elif not hasattr(os, "posix_fallocate"):
        pytest.skip("this system has no posix_fallocate")
    length = 2**24 + 12345  # more than one chunk
    with tempfile.TemporaryFile(dir=tmp_path) as file:
        _reserve(file, length, tmp_path)
        status = os.fstat(file.fileno())
        assert status.st_size == length
        assert status.st_blocks * 512 >= length


def test_table_larger_than_the_free_space_is_rejected_up_front(tmp_path):
    with pytest.raises(ValueError, match=r"cannot reserve .* GiB in .* GiB are free\); set folder"):
        MovingAverage(2**50, storage="mmap", folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_full_disk_raises_an_error_instead_of_crashing(monkeypatch, tmp_path):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(storage_module.os, "posix_fallocate", full, raising=False)
    with pytest.raises(ValueError, match=r"cannot reserve .*No space left on device"):
        make(MovingAverage, storage="mmap", folder=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="needs limits on the size of files")
def test_file_size_limit_raises_an_error(tmp_path):
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, hard))
    try:
        with pytest.raises(ValueError, match="cannot reserve .*File too large"):
            MovingAverage(2**20, storage="mmap", folder=tmp_path)
        MovingAverage(2**17, storage="mmap", folder=tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


LARGE = """
import sys, torch
from xgraph.estimators import MovingAverage

def anonymous():
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) // 1024

torch.set_num_threads(1)
rows, channels, generator = 2**20, 256, torch.Generator().manual_seed(0)
plain = MovingAverage(rows, gamma=0.5, dtype=torch.bfloat16, watch=False)
for storage, folder in (("mmap", sys.argv[1]), ("host", None)):
    plain.reset_parameters()
    before = anonymous()
    options = {"storage": storage, "folder": folder, "dtype": torch.bfloat16, "watch": False}
    table = MovingAverage(rows, (channels,), gamma=0.5, **options)
    most = 0
    for _ in range(20):
        index = torch.randint(rows, (4096,), generator=generator)
        estimate = torch.rand(4096, generator=generator)
        plain(estimate, index)
        table(estimate.view(-1, 1).expand(-1, channels), index)
        most = max(most, anonymous() - before)
    result = table.value.index_select(0, index)
    right = torch.equal(result, plain.value.index_select(0, index).view(-1, 1).expand(-1, channels))
    print(table.value.numel() * table.value.element_size() >> 20, right, most)
    del table
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_mapped_table_of_512_mib_uses_almost_no_private_memory(tmp_path):
    """Written rows are in pages of the file, which the operating system can write back and drop at any time."""
    done = subprocess.run([sys.executable, "-c", LARGE, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    mapped, held = (line.split() for line in done.stdout.splitlines())
    assert mapped[:2] == held[:2] == ["512", "True"]
    assert int(mapped[2]) < 64
    assert int(held[2]) > 200  # otherwise the check above would be meaningless


# 16-bit types.


def test_updates_below_the_resolution_of_a_16_bit_type_are_lost_as_documented():
    index = torch.tensor([0])
    for dtype, bits in ((torch.bfloat16, 8), (torch.float16, 11)):
        table = MovingAverage(1, gamma=0.1, dtype=dtype)
        table(torch.tensor([1.0]), index)
        for _ in range(200):
            table(torch.tensor([1.9]), index)
        distance = 1.9 - table.value.item()  # numbers between 1 and 2 are 2·2^-bits apart
        assert 2.0**-bits * (1 / 0.1 - 2) <= distance <= 2.0**-bits / 0.1


def test_16_bit_table_computes_in_float32():
    table = MovingAverage(1, gamma=0.25, dtype=torch.bfloat16)
    table(torch.tensor([1.0]), torch.tensor([0]))
    out = table(torch.tensor([1.001]), torch.tensor([0]))
    assert out.item() == pytest.approx(1.00025, abs=1e-7)  # not rounded to bfloat16
    assert table.value.item() == 1.0


@pytest.mark.parametrize("storage", ["device", "host"])
def test_values_beyond_a_16_bit_range_are_clamped(storage):
    table = MovingAverage(2, gamma=0.5, dtype=torch.float16, storage=storage)
    index = torch.tensor([0, 1])
    table(torch.tensor([1e6, -1e6]), index)
    assert table.value.tolist() == [65504.0, -65504.0]
    table(torch.zeros(2), index)
    assert table.value.tolist() == [32752.0, -32752.0]
