import pytest
import torch

from xgraph.nn import Dropout


@pytest.mark.parametrize(
    ("p", "dtype"),
    [
        (0.1, torch.float32),
        (0.2, torch.bfloat16),
        (0.5, torch.float64),
        (0.9, torch.float32),
        (0.999, torch.bfloat16),
    ],
)
def test_rate_scale_and_gradient(p, dtype):
    torch.manual_seed(0)
    x = torch.full((501, 203), 3.0, dtype=dtype, requires_grad=True)
    out = Dropout(p)(x)
    assert out.dtype == dtype
    keep = max(round(256 * (1 - p)), 1) / 256
    assert abs(keep - (1 - p)) <= 1 / 256
    kept = out != 0
    n = x.numel()
    assert abs(kept.sum().item() - n * keep) < 5 * (n * keep * (1 - keep)) ** 0.5
    torch.testing.assert_close(out[kept], torch.full_like(out[kept], 3 / keep))
    out.sum().backward()
    torch.testing.assert_close(x.grad * 3, out.detach())


@pytest.mark.parametrize(
    ("p", "dtype"),
    [(0.001, torch.float64), (0.2, torch.float32), (0.5, torch.bfloat16), (0.999, torch.float16)],
)
def test_element_is_kept_if_its_byte_is_below_the_rate(p, dtype):
    x = torch.randn(61, 37).to(dtype)
    torch.manual_seed(0)
    out = Dropout(p)(x)
    torch.manual_seed(0)
    words = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
    keep = max(round(256 * (1 - p)), 1)
    stays = (words.view(torch.uint8)[: x.numel()].int() < keep).view(x.shape)
    assert torch.equal(out, torch.where(stays, x * torch.tensor(256 / keep, dtype=dtype), torch.zeros_like(x)))


def test_all_eight_elements_of_a_draw_have_the_same_rate_and_are_independent():
    torch.manual_seed(0)
    kept = (Dropout(0.3)(torch.ones(40_000, 8)) != 0).double()
    keep = round(256 * 0.7) / 256
    assert (kept.mean(0) - keep).abs().max() < 5 * (keep * (1 - keep) / 40_000) ** 0.5
    assert (torch.corrcoef(kept.T) - torch.eye(8)).abs().max() < 0.025
    assert abs(torch.corrcoef(torch.stack([kept[:-1, 0], kept[1:, 0]]))[0, 1]) < 0.025


def test_follows_the_seed_and_is_inactive_in_eval_mode():
    layer, x = Dropout(0.5), torch.ones(3, 5)
    torch.manual_seed(1)
    first = layer(x)
    torch.manual_seed(1)
    assert torch.equal(layer(x), first)
    assert layer.eval()(x) is x
    assert Dropout(0.0)(x) is x
    assert torch.equal(Dropout(0.001)(x), x)  # rounds to nothing dropped
    assert Dropout(0.5)(torch.ones(0, 4)).shape == (0, 4)
    assert Dropout(0.5)(torch.tensor(1.0)).shape == ()


@pytest.mark.parametrize("p", [-0.1, 1.0, 2, float("nan")])
def test_rate_out_of_range_is_rejected(p):
    with pytest.raises(ValueError, match=r"dropout must be in \[0, 1\), got"):
        Dropout(p)
