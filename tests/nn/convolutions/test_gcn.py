import math

import pytest
import torch
from sampled_blocks import loop_free, sampled, whole
from torch_geometric.nn import GCNConv
from torch_geometric.nn.conv.gcn_conv import gcn_norm

from xgraph.nn import TableOptions
from xgraph.nn.convolutions import convolution_of
from xgraph.nn.convolutions.block import Block


def block():
    """Node 0 has one of three neighbours, node 1 none at all."""
    return Block(torch.tensor([[2], [0]]), 2, torch.tensor([3, 0, 8]), torch.arange(3))


@pytest.mark.parametrize(("options", "loops"), [({}, 1), ({"improved": True}, 2), ({"add_self_loops": False}, 0)])
def test_weights_use_the_true_degrees(options, loops):
    conv = GCNConv(2, 2, **options)
    convolution = convolution_of(conv)
    x = torch.randn(3, 2)
    sent = 3 / 1 * x[2] / math.sqrt((8 + loops) * (3 + loops))
    aggregate = convolution.aggregate(conv, x, block())
    torch.testing.assert_close(aggregate, torch.stack([sent, torch.zeros(2)]))
    own = torch.tensor([[loops / (3 + loops)], [1.0 if loops else 0.0]])
    expected = (aggregate + own * x[:2]) @ conv.lin.weight.t() + conv.bias
    torch.testing.assert_close(convolution.update(conv, aggregate, x, block()), expected)


def test_self_loop_uses_the_current_vector():
    """It is not in the table: with a table that holds something else, only the neighbours' part changes."""
    conv = GCNConv(2, 2)
    convolution = convolution_of(conv)
    x = torch.randn(3, 2)
    table = convolution.make_table(conv, 3, TableOptions(gamma=0.25))
    table.table.value.fill_(7.0)
    table.table.seen.fill_(True)
    out = convolution.convolve(conv, x, block(), table)
    aggregate = convolution.aggregate(conv, x, block())
    tracked = 0.75 * 7 + 0.25 * aggregate
    torch.testing.assert_close(out, convolution.update(conv, tracked, x, block()))
    torch.testing.assert_close(table.table.value[:2], tracked)


def test_prenormalised_edge_weights():
    """`normalize=False` with the weights of `gcn_norm` is the convolution; its loops are then edges like others."""
    edge_index = loop_free()
    x = torch.randn(24, 5)
    edges, weight = gcn_norm(edge_index, None, 24)
    conv = GCNConv(5, 3, normalize=False)
    peer = GCNConv(5, 3)
    peer.load_state_dict(conv.state_dict())
    out = convolution_of(conv).convolve(conv, x, whole(edges, 24), edge_weight=weight)
    torch.testing.assert_close(out, peer(x, edge_index))


def test_edge_weights_of_a_sample_are_rescaled():
    conv = GCNConv(2, 2, normalize=False)
    x = torch.randn(3, 2)
    aggregate = convolution_of(conv).aggregate(conv, x, block(), torch.tensor([0.5]))
    torch.testing.assert_close(aggregate, torch.stack([3 * 0.5 * x[2], torch.zeros(2)]))


def test_unnormalised_edge_weights_are_rejected():
    conv = GCNConv(2, 2)
    with pytest.raises(ValueError, match=r"edge_weight cannot be normalised.*GCNConv\(normalize=False\)"):
        convolution_of(conv).aggregate(conv, torch.randn(3, 2), block(), torch.ones(1))


def test_degrees_differ_from_those_in_the_batch():
    conv = GCNConv(6, 4)
    x = torch.randn(24, 6)
    few = sampled(loop_free(), 24, 1)
    convolution = convolution_of(conv)
    assert not torch.allclose(
        convolution.aggregate(conv, x, few), convolution.aggregate(conv, x, whole(few.edge_index, 24)), atol=1e-3
    )
