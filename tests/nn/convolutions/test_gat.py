import math

import pytest
import torch
from sampled_blocks import loop_free, sampled, whole
from torch_geometric.nn import GATConv

from xgraph.nn import TableOptions
from xgraph.nn.convolutions import convolution_of
from xgraph.nn.convolutions.block import Block


def test_the_formula():
    """One head, by hand: node 0 has sampled two of six neighbours."""
    torch.manual_seed(0)
    conv = GATConv(3, 2).double()
    block = Block(torch.tensor([[1, 2], [0, 0]]), 1, torch.tensor([6, 1, 1]), torch.arange(3))
    x = torch.randn(3, 3, dtype=torch.double)
    h = x @ conv.lin.weight.t()
    raw = h @ conv.att_src.view(-1) + (h @ conv.att_dst.view(-1))[0]
    g = torch.where(raw > 0, raw, 0.2 * raw)
    e = g.exp()
    convolution = convolution_of(conv)
    aggregate = convolution.aggregate(conv, x, block)
    mean = (e[1] * h[1] + e[2] * h[2]) / (e[1] + e[2])
    level = torch.log(6 / 2 * (e[1] + e[2]))
    torch.testing.assert_close(aggregate, torch.cat([mean, level[None]]).view(1, 1, 3))
    total = 3 * (e[1] * h[1] + e[2] * h[2]) + e[0] * h[0]
    expected = total / (3 * (e[1] + e[2]) + e[0]) + conv.bias
    torch.testing.assert_close(convolution.update(conv, aggregate, x, block), expected[None])


def test_table_averages_two_batches():
    """Numerator and denominator are moving averages."""
    torch.manual_seed(1)
    conv = GATConv(3, 2, heads=2, add_self_loops=False, bias=False).double()
    convolution = convolution_of(conv)
    table = convolution.make_table(conv, 3, TableOptions(gamma=0.3, dtype=torch.double))
    x = torch.randn(3, 3, dtype=torch.double)
    first, second = (
        Block(torch.tensor([[source], [0]]), 1, torch.tensor([2, 1, 1]), torch.arange(3)) for source in (1, 2)
    )

    def parts(block):
        aggregate = convolution.aggregate(conv, x, block)
        weight = aggregate[..., -1:].exp()
        return weight * aggregate[..., :-1], weight

    (top1, low1), (top2, low2) = parts(first), parts(second)
    convolution.convolve(conv, x, first, table)
    out = convolution.convolve(conv, x, second, table)
    expected = (0.7 * top1 + 0.3 * top2) / (0.7 * low1 + 0.3 * low2)
    torch.testing.assert_close(out, expected.flatten(1))


@pytest.mark.parametrize("loops", [True, False])
def test_nodes_without_neighbours(loops):
    """They see only themselves; their gradient is finite, and the table has no row of them."""
    conv = GATConv(3, 2, heads=2, add_self_loops=loops)
    convolution = convolution_of(conv)
    table = convolution.make_table(conv, 2, TableOptions())
    x = torch.randn(2, 3, requires_grad=True)
    block = Block(torch.empty(2, 0, dtype=torch.long), 2, torch.tensor([0, 4]), torch.arange(2))
    out = convolution.convolve(conv, x, block, table)
    torch.testing.assert_close(out, conv.lin(x) + conv.bias if loops else torch.zeros(2, 4) + conv.bias)
    with torch.autograd.detect_anomaly(check_nan=True):
        convolution.convolve(conv, x, block, table).sum().backward()
    assert x.grad.isfinite().all()
    assert not table.table.seen.any()


def test_many_neighbours_do_not_overflow_half_precision():
    """Exponentials are summed in float32: in bfloat16, 256 + 1 is 256."""
    conv = GATConv(1, 1).bfloat16()
    block = Block(
        torch.stack([torch.arange(1000), torch.zeros(1000, dtype=torch.long)]),
        1,
        torch.full((1000,), 1000),
        torch.arange(1000),
    )
    aggregate = convolution_of(conv).aggregate(conv, torch.zeros(1000, 1, dtype=torch.bfloat16), block)
    assert aggregate[0, 0, 1].item() == pytest.approx(math.log(1000))


def test_node_without_sampled_neighbours_uses_its_row():
    conv = GATConv(3, 2, heads=2)
    convolution = convolution_of(conv)
    table = convolution.make_table(conv, 3, TableOptions())
    x = torch.randn(3, 3)
    known = Block(torch.tensor([[1], [0]]), 1, torch.tensor([2, 1, 1]), torch.arange(3))
    expected = convolution.convolve(conv, x, known, table)
    before = table.table.value.clone()
    nothing = known._replace(edge_index=known.edge_index[:, :0])
    torch.testing.assert_close(convolution.convolve(conv, x, nothing, table), expected)
    assert torch.equal(table.table.value, before)


@pytest.mark.parametrize("scale", [1e3, -1e3])
def test_extreme_attention_is_finite(scale):
    torch.manual_seed(2)
    conv = GATConv(3, 2, heads=2)
    with torch.no_grad():
        conv.att_src.mul_(scale)
    convolution = convolution_of(conv)
    table = convolution.make_table(conv, 24, TableOptions(gamma=0.5))
    x = torch.randn(24, 3, requires_grad=True)
    for seed in range(3):
        out = convolution.convolve(conv, x, sampled(loop_free(), 24, 1, seed), table)
        (grad,) = torch.autograd.grad(out.sum(), x)
        assert out.isfinite().all()
        assert grad.isfinite().all()


def test_attention_dropout_matches_pyg():
    """Each coefficient is dropped by itself, the others doubled; the denominator is not touched."""
    conv = GATConv(1, 1, dropout=0.5, bias=False)
    with torch.no_grad():
        conv.lin.weight.fill_(1.0)
        conv.att_src.zero_()
        conv.att_dst.zero_()
    convolution = convolution_of(conv)
    x = torch.tensor([[1.0], [10.0]])  # all coefficients are one half
    block = Block(torch.tensor([[1], [0]]), 1, torch.tensor([1, 1]), torch.arange(2))
    torch.manual_seed(0)
    result = torch.cat([convolution.convolve(conv, x, block) for _ in range(200)]).view(-1)
    theirs = torch.cat([conv((x, x[:1]), block.edge_index) for _ in range(200)]).view(-1)
    assert set(result.tolist()) == set(theirs.tolist()) == {0.0, 1.0, 10.0, 11.0}
    table = convolution.make_table(conv, 2, TableOptions())
    convolution.convolve(conv, x, block, table)
    assert table.table.value[0, 0, -1].item() == pytest.approx(math.log(1.0))
    conv.eval()
    assert convolution.convolve(conv, x, block).item() == pytest.approx(5.5)


def test_sources_and_targets_of_different_sizes():
    conv = GATConv((3, 5), 2, heads=2, add_self_loops=False)
    convolution = convolution_of(conv)
    block = whole(loop_free(), 24)
    block = block._replace(edge_index=block.edge_index[:, block.edge_index[1] < 6], num_targets=6)
    x, own = torch.randn(24, 3), torch.randn(6, 5)
    expected = conv((x, own), block.edge_index)
    torch.testing.assert_close(convolution.convolve(conv, (x, own), block), expected)
    aggregate = convolution.aggregate(conv, (x, own), block)
    torch.testing.assert_close(convolution.update(conv, aggregate, (x, own), block), expected)
    looped = GATConv((3, 5), 2, heads=2)
    expected = looped((x, own), block.edge_index[:, block.edge_index[0] != block.edge_index[1]])
    torch.testing.assert_close(convolution_of(looped).convolve(looped, (x, own), block), expected)
