import torch
from nn_molecules import real_batch
from torch_geometric.nn import GINEConv as PyGGINEConv

from xgraph.nn import BOND_FEATURE_SIZES, GINEConv, MultiHot


def test_equals_pygs_layer_with_the_same_weights():
    torch.manual_seed(0)
    batch = real_batch(20)
    conv = GINEConv(16, BOND_FEATURE_SIZES).double()
    reference = PyGGINEConv(conv.mlp)  # PyG resets the network that it is given, so it comes first
    x = torch.randn(batch.num_nodes, 16, dtype=torch.float64, requires_grad=True)
    rows = MultiHot(BOND_FEATURE_SIZES)(batch.edge_attr, torch.float64)
    gradients = []
    for out in (conv(x, batch.edge_index, rows), reference(x, batch.edge_index, conv.edge(rows))):
        (out * torch.linspace(-1, 1, out.numel()).view_as(out)).sum().backward()
        gradients.append((out.detach(), x.grad, *(p.grad.clone() for p in conv.parameters())))
        x.grad = None
        conv.zero_grad()
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_reset_draws_everything_anew():
    conv = GINEConv(8, (3,))
    conv.mlp[1](torch.randn(10, 16))
    with torch.no_grad():
        for p in conv.parameters():
            p.fill_(7)
    conv.reset_parameters()
    assert not any((p == 7).any() for p in conv.parameters())
    assert conv.mlp[1].num_batches_tracked == 0
