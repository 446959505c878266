import torch

from xgraph.nn import VirtualNode


def test_each_virtual_node_sums_its_own_graph():
    torch.manual_seed(0)
    update = VirtualNode(4, dropout=0.5).double().eval()
    state, x = torch.randn(2, 4, dtype=torch.float64), torch.randn(5, 4, dtype=torch.float64)
    out = update(state, x, torch.tensor([0, 1, 1, 0, 1]))
    sums = state + torch.stack([x[0] + x[3], x[1] + x[2] + x[4]])
    hidden = (sums @ update.mlp[0].weight.T / (1 + 1e-5) ** 0.5).relu()
    reference = (hidden @ update.mlp[3].weight.T / (1 + 1e-5) ** 0.5).relu()
    torch.testing.assert_close(out, reference)


def test_a_single_graph_in_training():
    update = VirtualNode(4, dropout=0.0)
    assert update(torch.zeros(1, 4), torch.randn(3, 4), torch.zeros(3, dtype=torch.long)).isfinite().all()
