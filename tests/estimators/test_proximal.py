"""A γ for each row: by a rule, or given for one step."""

import copy
import math

import pytest
import torch

from xgraph.estimators import LogMovingAverage, MovingAverage, Proximal, RatioMovingAverage
from xgraph.losses import LOSSES, SogCLRLoss


@pytest.mark.parametrize("alpha", [0.01, 1.0, 30.0])
def test_equals_the_closed_form(alpha):
    """v + log(1 + α e^q) − log(1 + α e^v); its gradient is that of log ĝ, weighted by e^(q − v)."""
    track = LogMovingAverage(2, gamma=Proximal(alpha, max_weight=math.inf)).double()
    index = torch.tensor([0, 1])
    generator = torch.Generator().manual_seed(0)
    expected = None
    for _ in range(10):
        q = (5 * torch.randn(2, dtype=torch.float64, generator=generator)).requires_grad_()
        out = track(q, index)
        fixed = q.detach()
        if expected is None:
            expected = fixed
        else:
            expected = expected + torch.log1p(alpha * fixed.exp()) - torch.log1p(alpha * expected.exp())
        torch.testing.assert_close(out, expected, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(torch.autograd.grad(out.sum(), q)[0], (fixed - expected).exp())


def test_a_state_far_too_high_returns_within_two_touches():
    track, index = LogMovingAverage(1, gamma=Proximal(1.0)), torch.tensor([0])
    values = [track(torch.tensor([q]), index).item() for q in (60.0, *[0.0] * 7)]
    assert values[1] == pytest.approx(math.log(2), abs=1e-5)
    assert values[7] == pytest.approx(0.01, abs=0.01)
    constant = LogMovingAverage(1, gamma=0.1)
    assert [constant(torch.tensor([q]), index).item() for q in (60.0, *[0.0] * 7)][7] > 50
    for v in (1e4, -1e4):
        assert track(torch.tensor([v]), index).isfinite()


def test_max_weight_bounds_the_gradient_of_a_state_far_too_low():
    for bound in (1.0, 100.0, 1e4):
        track, index = LogMovingAverage(1, gamma=Proximal(1.0, bound)), torch.tensor([0])
        track(torch.tensor([-60.0]), index)
        q = torch.zeros(1, requires_grad=True)
        track(q, index).sum().backward()
        assert q.grad.item() == pytest.approx(bound, rel=1e-4)


@pytest.mark.parametrize("duplicates", [False, True])
@pytest.mark.parametrize("gradient", ["straight_through", "scaled"])
def test_gamma_of_each_row(gradient, duplicates):
    """As if every row had a table of its own; an item that occurs twice uses the mean of its γ."""
    for make, shape in (
        (lambda: MovingAverage(4, gradient=gradient), ()),
        (lambda: LogMovingAverage(4, gradient=gradient), ()),
        (lambda: RatioMovingAverage(4, 2, (2,), gradient=gradient), (2, 3)),
    ):
        together, generator = make().double(), torch.Generator().manual_seed(0)
        index = torch.tensor([3, 0, 3] if duplicates else [3, 0])
        gamma = torch.tensor([0.2, 0.5, 0.6] if duplicates else [0.2, 1.0])
        alone = {3: make().double(), 0: make().double()}
        for _ in range(3):
            estimate = torch.randn(len(index), *shape, dtype=torch.float64, generator=generator).requires_grad_()
            out = together.step(estimate, index, duplicates, gamma)
            slope = torch.autograd.grad(out.sum(), estimate)[0]
            for item, table in alone.items():
                rows = (index == item).nonzero().flatten()
                one = estimate.detach()[rows].requires_grad_()
                found = table.step(one, index[rows], True, gamma[rows].mean().item())
                torch.testing.assert_close(found, out[rows], rtol=1e-6, atol=1e-7)
                torch.testing.assert_close(torch.autograd.grad(found.sum(), one)[0], slope[rows], rtol=1e-6, atol=1e-7)


def test_wrong_gamma():
    track = LogMovingAverage(3)
    estimate, index = torch.zeros(2), torch.arange(2)
    for gamma, error, message in (
        (torch.tensor([0.5]), ValueError, r"gamma must have the shape \[2\], one per row of estimate, got \[1\]"),
        (torch.tensor([0.5, 0.0]), ValueError, r"gamma must lie in \(0, 1\], got 0 in row 1"),
        (torch.tensor([0.5, float("nan")]), ValueError, "got nan in row 1"),
        (torch.tensor([1, 1]), TypeError, "floating-point numbers, got torch.int64"),
    ):
        with pytest.raises(error, match=message):
            track.step(estimate, index, False, gamma)
    assert not track.seen.any()
    with pytest.raises(ValueError, match="MovingAverage keeps none"):
        MovingAverage(3, gamma=Proximal(1.0))
    with pytest.raises(ValueError, match="alpha must"):
        Proximal(0.0)
    with pytest.raises(ValueError, match="max_weight must"):
        Proximal(1.0, 0.5)


@pytest.mark.parametrize("name", ["sopa-s", "sota-s", "kl-dro", "sogclr"])
def test_losses_of_log_means_take_it(name):
    """Saved, copied and converted; a burst is forgotten in two batches."""
    make = SogCLRLoss if name == "sogclr" else LOSSES[name]

    def step(loss_fn, seed, size=1.0):
        generator = torch.Generator().manual_seed(seed)
        logits = (size * torch.randn(20, 1, generator=generator)).requires_grad_()
        index, target = torch.arange(20), (torch.arange(20) < 5).float().view(-1, 1)
        views = (torch.cat([logits, logits.flip(0)], 1), torch.cat([logits.cos(), logits], 1))
        loss = loss_fn(*views, index) if name == "sogclr" else loss_fn(logits, target, index)
        loss.backward()
        return loss.item(), logits.grad

    loss_fn = make(20, gamma=Proximal(1.0))
    assert isinstance(loss_fn.track.schedule, Proximal)
    step(loss_fn, 0)
    restored = make(20, gamma=Proximal(1.0))
    restored.load_state_dict(loss_fn.state_dict())
    assert not any(key.endswith("epoch") for key in loss_fn.state_dict())
    others = [restored, copy.deepcopy(loss_fn)]
    for seed in (1, 2):
        expected = step(loss_fn, seed)
        for other in others:
            value, slope = step(other, seed)
            assert value == expected[0]
            assert torch.equal(slope, expected[1])
    assert step(loss_fn.double(), 3)[0] == pytest.approx(step(others[0], 3)[0], rel=1e-5)
    if name != "sogclr":  # its cosines have no extremes
        step(others[0], 4, 6.0)
        for seed in range(5, 13):
            value, _ = step(others[0], seed)
        assert value < 3 * abs(step(make(20).eval(), 12)[0]) + 1
