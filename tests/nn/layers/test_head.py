import torch

from xgraph.nn import Head


def test_is_a_two_layer_network():
    torch.manual_seed(0)
    head = Head(6, 3, dropout=0.5).eval()
    x = torch.randn(4, 6)
    first, last = head.mlp[0], head.mlp[3]
    reference = (x @ first.weight.T + first.bias).clamp(min=0) @ last.weight.T + last.bias
    torch.testing.assert_close(head(x), reference)


def test_reset_reinitialises_every_weight():
    head = Head(6, 3, dropout=0.5)
    before = [p.clone() for p in head.parameters()]
    head.reset_parameters()
    assert all((p != q).all() for p, q in zip(head.parameters(), before, strict=True))
