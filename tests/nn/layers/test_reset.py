import torch
from torch import nn

from xgraph.nn.layers.reset import reset_parameters


def test_direct_children_that_can_be_reset_are():
    layers = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.BatchNorm1d(4))
    layers[2].running_mean.fill_(3.0)
    before = layers[0].weight.clone()
    reset_parameters(layers)
    assert not torch.equal(layers[0].weight, before)
    assert torch.equal(layers[2].running_mean, torch.zeros(4))
