import pytest
import torch

from xgraph.nn import BatchNorm


@pytest.mark.parametrize("training", [True, False])
def test_matches_torch_for_two_or_more_rows(training):
    torch.manual_seed(0)
    ours, theirs = BatchNorm(4).train(training), torch.nn.BatchNorm1d(4).train(training)
    for rows in (2, 7, 100):
        x = torch.randn(rows, 4) * 3 + 1
        assert torch.equal(ours(x), theirs(x))
    assert all(torch.equal(a, b) for a, b in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True))


@pytest.mark.parametrize("rows", [0, 1])
def test_single_row_uses_running_statistics_without_updating_them(rows):
    norm = BatchNorm(4)
    norm(torch.randn(50, 4) * 3 + 1)
    before = {key: value.clone() for key, value in norm.state_dict().items()}
    x = torch.randn(rows, 4, requires_grad=True)
    out = norm(x)
    out.sum().backward()
    assert x.grad.isfinite().all()
    assert all(torch.equal(before[key], value) for key, value in norm.state_dict().items())
    torch.testing.assert_close(out, norm.eval()(x))
