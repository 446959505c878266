import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from xgraph.sampling.memory import features
from xgraph.sampling.memory.features import FeatureStore, as_rows

INDEX = torch.tensor([3, 0, 3, 7, 1])
WORDS = ["device", "pinned", "host", "mmap"]


def sparse_matrix(rows=9, columns=5, layout="csr"):
    x = (torch.rand(rows, columns, generator=torch.Generator().manual_seed(0)) - 0.6).clamp(min=0)
    x[2] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return x, {"csr": x.to_sparse_csr, "coo": x.to_sparse_coo, "csc": x.to_sparse_csc}[layout]()


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((9,), torch.int64),
        ((9, 4), torch.float32),
        ((9, 4), torch.float16),
        ((9, 2, 3), torch.bfloat16),
        ((9, 0), torch.float32),
        ((9, 4), torch.bool),
    ],
)
def test_dense_rows(word, shape, dtype):
    x = torch.randint(0, 3, shape).to(dtype)
    store = FeatureStore(x, storage=word)
    assert store.dtype == dtype
    assert store.shape == shape
    assert len(store) == 9
    assert torch.equal(store[INDEX], x[INDEX])
    assert torch.equal(store.gather(INDEX.int()), x[INDEX])
    assert store[INDEX[:0]].shape == (0, *shape[1:])


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("layout", ["csr", "coo", "csc"])
def test_sparse_rows_equal_dense_rows(word, layout):
    dense, x = sparse_matrix(layout=layout)
    store = FeatureStore(x, storage=word)
    assert store.is_sparse
    assert torch.equal(store[INDEX], dense[INDEX])
    rows = store.gather(INDEX, sparse=True)
    assert rows.layout == torch.sparse_csr
    assert torch.equal(rows.to_dense(), dense[INDEX])
    assert store[INDEX[:0]].shape == (0, 5)
    assert store.gather(INDEX[:0], sparse=True).shape == (0, 5)


def test_sparse_rows_can_be_empty():
    store = FeatureStore(torch.zeros(3, 4).to_sparse_csr())
    assert torch.equal(store[torch.tensor([1, 1])], torch.zeros(2, 4))


def test_sparse_with_int32_indices_and_repeated_entries():
    crow, col = torch.tensor([0, 2, 4], dtype=torch.int32), torch.tensor([1, 1, 0, 2], dtype=torch.int32)
    x = torch.sparse_csr_tensor(crow, col, torch.tensor([1.0, 2.0, 3.0, 4.0]), size=(2, 3), check_invariants=False)
    assert FeatureStore(x)[torch.tensor([0, 1])].tolist() == [[0, 3, 0], [3, 0, 4]]


def test_sparse_features_are_never_fully_densified():
    """A dense copy of 10 million × 1 million numbers would take 40 TB."""
    num_rows, num_columns = 10_000_000, 1_000_000
    crow = torch.arange(num_rows + 1)
    col = torch.arange(num_rows) % num_columns
    x = torch.sparse_csr_tensor(crow, col, torch.ones(num_rows), size=(num_rows, num_columns), check_invariants=False)
    rows = FeatureStore(x)[torch.tensor([9_999_999, 5])]
    assert rows.nonzero().tolist() == [[0, 999_999], [1, 5]]


def test_large_results_do_not_overwrite_each_other():
    x = torch.rand(5000, 300)
    store = FeatureStore(x)
    kept = [store[torch.randint(0, 5000, (2000,), generator=torch.Generator().manual_seed(i))] for i in range(5)]
    for i, rows in enumerate(kept):
        assert torch.equal(rows, x[torch.randint(0, 5000, (2000,), generator=torch.Generator().manual_seed(i))])


def test_reused_memory_of_sparse_results_is_zeroed():
    dense, x = sparse_matrix(3000, 400)
    store = FeatureStore(x)
    for seed in range(4):
        index = torch.randint(0, 3000, (1500,), generator=torch.Generator().manual_seed(seed))
        assert torch.equal(store[index], dense[index])


def test_arrays_and_mapped_files_are_accepted(tmp_path):
    x = np.random.default_rng(0).random((9, 4), dtype=np.float32)
    np.save(tmp_path / "x.npy", x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for given in (x, np.load(tmp_path / "x.npy", mmap_mode="r")):
            assert FeatureStore(given)[INDEX].numpy().tolist() == x[INDEX].tolist()


def test_results_can_be_modified():
    x = torch.zeros(9, 4)
    FeatureStore(x)[INDEX].fill_(1.0)
    assert not x.any()


def test_gradients_are_not_tracked():
    x = torch.rand(9, 4, requires_grad=True)
    assert not FeatureStore(x)[INDEX].requires_grad


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("wrong", [9, -1])
def test_index_out_of_range_raises(is_sparse, wrong):
    dense, sparse = sparse_matrix()
    with pytest.raises(IndexError):
        FeatureStore(sparse if is_sparse else dense)[torch.tensor([0, wrong])]


def test_invalid_index_is_rejected():
    store = FeatureStore(torch.rand(9, 4))
    with pytest.raises(TypeError, match="index must be a tensor of int64 or int32, got torch.float32"):
        store[torch.rand(3)]
    with pytest.raises(TypeError, match="index must be a tensor of int64 or int32, got list"):
        store[[0, 1]]
    with pytest.raises(ValueError, match=r"index must have one dimension, got shape \[1, 2\]"):
        store[torch.tensor([[0, 1]])]
    with pytest.raises(ValueError, match="sparse=True requires sparse features"):
        store.gather(INDEX, sparse=True)


def test_invalid_features_are_rejected():
    with pytest.raises(TypeError, match="x must be a tensor or an array, got list"):
        FeatureStore([1.0])
    with pytest.raises(TypeError, match="pos must hold numbers, got an array of dtype <U1"):
        FeatureStore(np.array(["a"]), name="pos")
    with pytest.raises(ValueError, match="x must have one row per item, got a single number"):
        FeatureStore(torch.tensor(1.0))
    with pytest.raises(ValueError, match=r"x must be a matrix .* if it is sparse, got shape \[2, 2, 2\]"):
        as_rows(torch.zeros(2, 2, 2).to_sparse_coo())
    with pytest.raises(ValueError, match="storage must be one of"):
        FeatureStore(torch.rand(3), storage="disk")


def test_gathering_works_without_triton(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(features, "import_module", missing)
    features.triton_kernels.cache_clear()
    assert features.triton_kernels() is None
    features.triton_kernels.cache_clear()


@pytest.mark.parametrize(
    ("storage", "triton", "by"), [("pinned", 1, "kernel"), ("pinned", 0, "torch"), ("device", 1, "torch")]
)
def test_gpu_kernel_is_chosen_by_storage(storage, triton, by, monkeypatch):
    """A Triton kernel reads pinned rows if available; tested without a GPU, with stand-ins."""
    kernels = SimpleNamespace(gather_rows=lambda x, index: "kernel") if triton else None
    monkeypatch.setattr(features, "triton_kernels", lambda: kernels)
    x = SimpleNamespace(is_cuda=True, device="cpu", index_select=lambda dim, index: "torch")
    placement = SimpleNamespace(device=torch.device("cuda"), storage=storage)
    store = SimpleNamespace(x=x, placement=placement)
    assert FeatureStore._dense_rows(store, torch.tensor([0])) == by
