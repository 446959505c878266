import torch
from torch_geometric.nn import SAGEConv

import xgraph.nn
from xgraph.nn.convolutions import convolution_of
from xgraph.nn.convolutions.block import Block


def block():
    """Node 0 has sampled neighbours 2 and 3 of four, node 1 none of three, node 2 none at all."""
    return Block(torch.tensor([[2, 3], [0, 0]]), 3, torch.tensor([4, 3, 0, 9]), torch.arange(4))


def test_mean():
    conv = SAGEConv(2, 2)
    x = torch.randn(4, 2)
    expected = torch.stack([(x[2] + x[3]) / 2, torch.zeros(2), torch.zeros(2)])
    torch.testing.assert_close(convolution_of(conv).aggregate(conv, x, block()), expected)


def test_mean_with_self():
    """(6.104): one fifth of the node itself, four fifths of the mean; only itself where nothing else is known."""
    conv = xgraph.nn.SAGEConv(2, 2, mean_with_self=True)
    x = torch.randn(4, 2)
    expected = torch.stack([x[0] / 5 + 4 / 5 * (x[2] + x[3]) / 2, x[1], x[2]])
    torch.testing.assert_close(convolution_of(conv).aggregate(conv, x, block()), expected)


def test_sum():
    conv = SAGEConv(2, 2, aggr="sum")
    x = torch.randn(4, 2)
    expected = torch.stack([4 / 2 * (x[2] + x[3]), torch.zeros(2), torch.zeros(2)])
    torch.testing.assert_close(convolution_of(conv).aggregate(conv, x, block()), expected)


def test_projection_is_not_linear():
    assert convolution_of(SAGEConv(2, 2)).linear
    assert not convolution_of(SAGEConv(2, 2, project=True)).linear


def test_sources_and_targets_of_different_sizes():
    conv = SAGEConv((3, 5), 2)
    x, own = torch.randn(4, 3), torch.randn(3, 5)
    convolution = convolution_of(conv)
    assert convolution.channels(conv) == (3,)
    expected = conv((x, own), block().edge_index)
    torch.testing.assert_close(convolution.convolve(conv, (x, own), block()), expected)
    torch.testing.assert_close(convolution.fused(conv, (x, own), block()), expected)
