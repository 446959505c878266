import pytest
import torch
from torch_geometric.nn import global_add_pool, global_max_pool, global_mean_pool

from xgraph.nn import readout

REFERENCE = {"mean": global_mean_pool, "sum": global_add_pool, "max": global_max_pool}


@pytest.mark.parametrize("pool", ["mean", "sum", "max"])
def test_matches_pyg_pooling_with_empty_graphs(pool):
    torch.manual_seed(0)
    x = torch.randn(30, 5, dtype=torch.float64, requires_grad=True)
    graph = torch.tensor([0] * 10 + [2] * 19 + [3])
    out = readout(x, graph, 6, pool)
    reference = REFERENCE[pool](x, graph, 6)
    torch.testing.assert_close(out, reference)
    assert (out[[1, 4, 5]] == 0).all()
    (ours,) = torch.autograd.grad((out**2).sum(), x)
    (theirs,) = torch.autograd.grad((reference**2).sum(), x)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_ties_share_the_gradient_as_in_scatter_reduce(dtype):
    torch.manual_seed(0)
    x = torch.randint(-2, 1, (40, 6)).to(dtype).requires_grad_()
    graph = torch.randint(0, 5, (40,))
    weight = torch.randn(6, 6, dtype=dtype)
    wide = x.to(torch.promote_types(dtype, torch.float32))
    index = graph.unsqueeze(1).expand_as(wide)
    reference = wide.new_zeros(6, 6).scatter_reduce(0, index, wide, "amax", include_self=False).to(dtype)
    out = readout(x, graph, 6, "max")
    assert torch.equal(out, reference)
    (ours,) = torch.autograd.grad((out * weight).sum(), x)
    (theirs,) = torch.autograd.grad((reference * weight).sum(), x)
    torch.testing.assert_close(ours, theirs)
    assert (ours != 0).sum() > weight[:5].numel()


def test_max_is_twice_differentiable():
    torch.manual_seed(0)
    x, graph = torch.randn(12, 3, dtype=torch.float64, requires_grad=True), torch.arange(12) // 4
    assert torch.autograd.gradcheck(lambda x: readout(x, graph, 4, "max"), x)
    assert torch.autograd.gradgradcheck(lambda x: readout(x, graph, 4, "max"), x)


@pytest.mark.parametrize("pool", ["mean", "sum"])
def test_sum_over_a_large_graph_in_bfloat16_is_accurate(pool):
    x = torch.full((4096, 1), 1.0, dtype=torch.bfloat16)
    out = readout(x, torch.zeros(4096, dtype=torch.long), 1, pool)
    assert out.dtype == torch.bfloat16
    assert out.item() == (1 if pool == "mean" else 4096)


def test_unknown_pool_is_rejected():
    with pytest.raises(ValueError, match="pool must be one of mean, sum, max, got 'median'"):
        readout(torch.zeros(1, 1), torch.zeros(1, dtype=torch.long), 1, "median")


def test_max_in_functional_transforms():
    x, graph = torch.tensor([[1.0, 5.0], [3.0, 2.0], [4.0, 4.0]]), torch.tensor([0, 0, 1])
    result = torch.func.grad(lambda v: (readout(v, graph, 2, "max") * torch.tensor([[1.0, 2.0], [3.0, 4.0]])).sum())(x)
    assert result.tolist() == [[0.0, 2.0], [1.0, 0.0], [3.0, 4.0]]
