import pytest
import torch

from tests.losses.constraints.references import Tracked, penalty
from xgraph.losses import KLTrustRegion


def test_value_and_gradient_match_the_algorithm_over_40_steps():
    generator = torch.Generator().manual_seed(0)
    loss_fn = KLTrustRegion(0.05, rho=3.0, gamma=0.3).double()
    reference = Tracked(0.3)
    for _ in range(40):
        old = torch.randn(6, generator=generator, dtype=torch.float64)
        new = (old + 0.5 * torch.randn(6, generator=generator, dtype=torch.float64)).requires_grad_()
        ratio = (new - old).detach()
        divergence = sum(r.exp().item() - 1 - r.item() for r in ratio) / 6
        f, slope = penalty("squared_hinge", reference.step(0, divergence - 0.05))
        loss = loss_fn(new, old)
        loss.backward()
        assert loss.item() == pytest.approx(3.0 * f, abs=1e-13)
        torch.testing.assert_close(new.grad, 3.0 * slope * (ratio.exp() - 1) / 6, atol=1e-13, rtol=1e-12)
    assert loss_fn.multipliers().item() == pytest.approx(3.0 * slope)


def test_the_estimate_is_unbiased():
    """KL of two distributions on five words, by enumeration."""
    old, new = (torch.randn(5, generator=torch.Generator().manual_seed(s), dtype=torch.float64) for s in (0, 1))
    old, new = old.log_softmax(0), new.log_softmax(0)
    expected = (old.exp() * (old - new)).sum()
    ratio = new - old
    torch.testing.assert_close((old.exp() * (ratio.expm1() - ratio)).sum(), expected)


def test_a_model_far_away_is_an_error_that_says_so():
    loss_fn = KLTrustRegion(0.1)
    with pytest.raises(ValueError, match="may differ from old_log_prob by 50 at most, got 60 in row 1"):
        loss_fn(torch.tensor([0.0, 60.0]), torch.zeros(2))
    with pytest.raises(ValueError, match=r"old_log_prob must have the shape of log_prob \[2\], got \[3\]"):
        loss_fn(torch.zeros(2), torch.zeros(3))
    assert loss_fn.values().isnan().all()
