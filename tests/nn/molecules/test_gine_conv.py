import torch
from nn_compare import assert_same_with_gradients
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
    ours, theirs = conv(x, batch.edge_index, rows), reference(x, batch.edge_index, conv.edge(rows))
    assert_same_with_gradients(ours, theirs, [x, *conv.parameters()], value=1e-10)
