import pytest
import torch
from torch import nn
from torch_geometric.nn import MLP, GINConv
from torch_geometric.nn import Linear as PyGLinear

from xgraph.nn import TableOptions
from xgraph.nn.convolutions import convolution_of
from xgraph.nn.convolutions.block import Block


def test_rescaled_sum_plus_the_node_itself():
    conv = GINConv(nn.Linear(2, 3), eps=0.5)
    convolution = convolution_of(conv)
    block = Block(torch.tensor([[1, 2], [0, 0]]), 1, torch.tensor([6, 1, 1]), torch.arange(3))
    x = torch.randn(3, 2)
    aggregate = convolution.aggregate(conv, x, block)
    torch.testing.assert_close(aggregate, 6 / 2 * (x[1] + x[2])[None])
    torch.testing.assert_close(convolution.update(conv, aggregate, x, block), conv.nn(1.5 * x[:1] + aggregate))


@pytest.mark.parametrize(
    "network",
    [
        nn.Linear(7, 3),
        PyGLinear(7, 3),
        nn.Sequential(nn.ReLU(), nn.Sequential(nn.Linear(7, 3), nn.BatchNorm1d(3), nn.Linear(3, 9))),
        MLP([7, 3, 5]),
    ],
)
def test_channels_come_from_the_first_layer(network):
    conv = GINConv(network)
    assert convolution_of(conv).channels(conv) == (7,)


@pytest.mark.parametrize("network", [nn.Identity(), nn.Sequential(PyGLinear(-1, 3), nn.Linear(3, 3))])
def test_unknown_channels_are_an_error(network):
    conv = GINConv(network)
    with pytest.raises(ValueError, match="cannot be determined: pass it as channels="):
        convolution_of(conv).channels(conv)
    assert convolution_of(conv).make_table(conv, 5, TableOptions(), 7).shape == (7,)
