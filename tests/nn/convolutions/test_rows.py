import pytest
import torch

from xgraph.nn.convolutions.rows import first_rows, linear, sum_neighbors, take_rows


def matrix(rows=7, columns=5, seed=0):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, columns, generator=g)
    x[torch.rand(rows, columns, generator=g) < 0.6] = 0
    x[3] = 0
    return x


@pytest.mark.parametrize("layout", ["dense", "sparse"])
@pytest.mark.parametrize("index", [[6, 0, 0, 3], [], [3], list(range(7))])
def test_take_rows_keeps_the_order(layout, index):
    x = matrix()
    given = x if layout == "dense" else x.to_sparse_csr()
    taken = take_rows(given, torch.tensor(index, dtype=torch.long))
    assert taken.layout == given.layout
    assert torch.equal(taken.to_dense(), x[index])


@pytest.mark.parametrize("layout", ["dense", "sparse"])
@pytest.mark.parametrize("count", [0, 3, 7])
def test_first_rows(layout, count):
    x = matrix()
    given = x if layout == "dense" else x.to_sparse_csr()
    assert torch.equal(first_rows(given, count).to_dense(), x[:count])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rows", [0, 1, 7])
def test_products_and_their_gradients(dtype, rows):
    x = matrix()[:rows]
    weight = torch.randn(4, 5, dtype=dtype, requires_grad=True)
    grad = torch.randn(rows, 4, dtype=dtype)
    outs = linear(x.to(dtype), weight), linear(x.to_sparse_csr(), weight)
    torch.testing.assert_close(outs[1], outs[0])
    assert outs[1].dtype == dtype
    torch.testing.assert_close(*(torch.autograd.grad(out, weight, grad)[0] for out in outs))


def test_gradients_match_finite_differences():
    x = matrix().double().to_sparse_csr()
    weight = torch.randn(4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w: linear(x, w), (weight,))


def test_int32_indices_and_empty_matrices():
    x = matrix().to_sparse_csr()
    narrow = torch.sparse_csr_tensor(x.crow_indices().int(), x.col_indices().int(), x.values(), x.shape)
    weight = torch.randn(4, 5, requires_grad=True)
    out = linear(narrow, weight)
    torch.testing.assert_close(out, linear(x, weight))
    torch.testing.assert_close(*(torch.autograd.grad(o.sum(), weight)[0] for o in (out, linear(x, weight))))
    empty = torch.zeros(2, 5).to_sparse_csr()
    out = linear(empty, weight)
    assert torch.equal(out, torch.zeros(2, 4))
    assert torch.equal(torch.autograd.grad(out.sum(), weight)[0], torch.zeros(4, 5))


@pytest.mark.parametrize("ascending", [True, False])
@pytest.mark.parametrize("num_nodes", [10, 2**15 + 3])
def test_sums_over_neighbours_and_their_gradients(ascending, num_nodes):
    g = torch.Generator().manual_seed(0)
    target = torch.randint(6, (40,), generator=g)
    edges = torch.stack([torch.randint(num_nodes, (40,), generator=g), target.sort()[0] if ascending else target])
    x = torch.randn(num_nodes, 3, generator=g, requires_grad=True)
    weight = torch.rand(40, generator=g)
    expected = torch.zeros(8, 3).index_add(0, edges[1], x[edges[0]] * weight[:, None])
    result = sum_neighbors(x, edges, 8, weight)
    torch.testing.assert_close(result, expected)
    grad = torch.randn(8, 3)
    torch.testing.assert_close(*(torch.autograd.grad(out, x, grad)[0] for out in (result, expected)))


def test_sums_in_functional_transforms():
    edge_index, weight = torch.tensor([[0, 1, 1], [0, 0, 1]]), torch.tensor([1.0, 0.5, 2.0])
    result = torch.func.grad(lambda x: sum_neighbors(x, edge_index, 2, weight)[0].sum())(torch.ones(2, 2))
    assert result.tolist() == [[1.0, 1.0], [0.5, 0.5]]
