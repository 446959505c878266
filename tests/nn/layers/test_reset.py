import pytest
import torch
from torch import nn

from xgraph.nn import ECCConv, EdgeNetwork, GENConv, GINEConv, Head, MoleculeGCNConv, VirtualNode
from xgraph.nn.layers.reset import reset_parameters


def test_resettable_direct_children_are_reset():
    layers = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.BatchNorm1d(4))
    layers[2].running_mean.fill_(3.0)
    before = layers[0].weight.clone()
    reset_parameters(layers)
    assert not torch.equal(layers[0].weight, before)
    assert torch.equal(layers[2].running_mean, torch.zeros(4))


@pytest.mark.parametrize(
    "make",
    [
        lambda: ECCConv(4, (3,)),
        lambda: EdgeNetwork((3,), 8),
        lambda: GENConv(8, (3,)),
        lambda: GINEConv(8, (3,)),
        lambda: Head(4, 2, 0.0),
        lambda: MoleculeGCNConv(8, (3,)),
        lambda: VirtualNode(4, 0.0),
    ],
)
def test_layers_reinitialise_all_their_parameters_and_statistics(make):
    layer, fresh = make(), make()
    with torch.no_grad():
        for tensor in (*layer.parameters(), *layer.buffers()):
            if tensor.dtype.is_floating_point and tensor.dim() < 3 and tensor.shape != (3, 3):
                tensor.fill_(7)
    layer.reset_parameters()
    assert not any((p == 7).any() for p in layer.parameters())
    for (name, buffer), other in zip(layer.named_buffers(), fresh.buffers(), strict=True):
        assert torch.equal(buffer, other) or name == "rows", name
