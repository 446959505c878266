import pytest
import torch
from sampled_blocks import loop_free, whole
from torch_geometric.nn import GraphConv

from xgraph.nn.convolutions import convolution_of
from xgraph.nn.convolutions.block import Block


@pytest.mark.parametrize("aggr", ["add", "mean"])
def test_edge_weights_and_their_gradient(aggr):
    conv = GraphConv(4, 3, aggr=aggr).double()
    edge_index = loop_free()
    x = torch.randn(24, 4, dtype=torch.double, requires_grad=True)
    weight = torch.rand(edge_index.size(1), dtype=torch.double, requires_grad=True)
    out = convolution_of(conv).convolve(conv, x, whole(edge_index, 24), edge_weight=weight)
    expected = conv(x, edge_index, weight)
    torch.testing.assert_close(out, expected)
    pairs = (torch.autograd.grad(y.square().sum(), (x, weight)) for y in (out, expected))
    for ours, theirs in zip(*pairs, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize(("aggr", "scale"), [("add", 6 / 2), ("mean", 1 / 2)])
def test_sampled_neighbours_are_rescaled(aggr, scale):
    conv = GraphConv(2, 3, aggr=aggr)
    block = Block(torch.tensor([[1, 2], [0, 0]]), 1, torch.tensor([6, 1, 1]), torch.arange(3))
    x = torch.randn(3, 2)
    aggregate = convolution_of(conv).aggregate(conv, x, block, torch.tensor([0.5, 4.0]))
    torch.testing.assert_close(aggregate, scale * (0.5 * x[1] + 4 * x[2])[None])
