import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xgraph.estimators import LogMovingAverage, MovingAverage, RatioMovingAverage

ROW = st.tuples(st.integers(0, 4), st.floats(-5, 5), st.floats(-5, 5), st.floats(-20, 20))
STEPS = st.lists(st.lists(ROW, min_size=1, max_size=7), min_size=1, max_size=6)


def apart(rows):
    """u₁ = e^q s̄ and u₂ = e^q, concatenated."""
    weight = rows[..., -1:].exp()
    return torch.cat([weight * rows[..., :-1], weight], -1)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, gamma=st.floats(0.01, 1.0), gradient=st.sampled_from(["straight_through", "scaled"]))
def test_equals_separate_tables_of_numerator_and_denominator(steps, gamma, gradient):
    """Values and gradients of r = u₁/u₂ and log u₂, including first updates and duplicates."""
    ratio = RatioMovingAverage(5, 2, gamma=gamma, gradient=gradient).double()
    linear = MovingAverage(5, (3,), gamma=gamma, gradient=gradient, validate=False).double()
    for step in steps:
        index = torch.tensor([row[0] for row in step])
        one, other = (torch.tensor([row[1:] for row in step], dtype=torch.float64).requires_grad_() for _ in "ab")
        a = ratio(one, index)
        u = linear(apart(other), index)
        b = torch.cat([u[:, :-1] / u[:, -1:], u[:, -1:].log()], -1)
        torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-8)
        for out in (a, b):
            (out.sin() * torch.arange(1, 4)).sum().backward()
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-6, atol=1e-8)


def test_gradient_matches_the_explicit_formula():
    """∇r' = e^(q−v') [∇s̄ + (s̄ − r') ∇q] and ∇v' = e^(q−v') ∇q, for attention over a few instances."""
    torch.manual_seed(0)
    track = RatioMovingAverage(3, 2, gamma=0.1).double()
    w = torch.randn(4, dtype=torch.float64, requires_grad=True)
    for _ in range(8):
        features = torch.randn(5, 4, dtype=torch.float64)
        value = torch.randn(5, 2, dtype=torch.float64)
        logits = features @ w
        mean = logits.softmax(0) @ value
        q = logits.logsumexp(0) - math.log(5)
        out = track(torch.cat([mean, q.view(1)]).view(1, 3), torch.tensor([1]))
        grads = [torch.autograd.grad(number, w, retain_graph=True)[0] for number in (*mean, q)]
        r, v = track.value[1, :2], track.value[1, 2]
        factor = (q - v).exp().detach()
        for channel in range(2):
            (given,) = torch.autograd.grad(out[0, channel], w, retain_graph=True)
            explicit = factor * (grads[channel] + (mean[channel] - r[channel]).detach() * grads[2])
            torch.testing.assert_close(given, explicit, rtol=1e-10, atol=1e-12)
        (given,) = torch.autograd.grad(out[0, 2], w)
        torch.testing.assert_close(given, factor * grads[2], rtol=1e-10, atol=1e-12)


def test_heads_are_independent():
    generator = torch.Generator().manual_seed(0)
    joint = RatioMovingAverage(6, 2, (3,), gamma=0.3, max_lag=3.0, restart_lag=4.0).double()
    alone = [RatioMovingAverage(6, 2, gamma=0.3, max_lag=3.0, restart_lag=4.0).double() for _ in range(3)]
    assert joint.value.shape == (6, 3, 3)
    assert joint.channels == 2
    for _ in range(10):
        index = torch.randint(6, (5,), generator=generator)
        estimate = 3 * torch.randn(5, 3, 3, dtype=torch.float64, generator=generator)
        expected = torch.stack([track(estimate[:, head], index) for head, track in enumerate(alone)], 1)
        torch.testing.assert_close(joint(estimate, index), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("scale", [1e3, 1e4, 1e5])
def test_huge_weights_stay_finite_and_recover(scale):
    """A running maximum per item fails here. The value stays within the range of the values seen."""
    index = torch.tensor([0])
    for options in ({}, {"restart_lag": 10.0}, {"max_lag": 10.0}):
        track = RatioMovingAverage(1, 1, gamma=0.1, **options)
        for q in (0.0, scale, -scale, 0.0, scale):
            estimate = torch.tensor([[2.0, q]], requires_grad=True)
            out = track(estimate, index)
            out.sum().backward()
            assert out.isfinite().all()
            assert estimate.grad.isfinite().all()
            assert out[0, 0].item() == pytest.approx(2.0)
        for _ in range(300 if options else 1):
            out = track(torch.tensor([[-1.0, 0.0]]), index)
        if options:  # otherwise it takes scale / |log .9| updates
            assert out[0].tolist() == pytest.approx([-1.0, 0.0], abs=1e-4)
        else:
            assert out[0, 0].item() == pytest.approx(2.0)
            assert track.monitor()["stuck"] == 1.0


def test_a_burst_is_forgotten_at_the_rate_of_gamma():
    """v falls by |log(1 − γ)| per update, and the weight of the burst in the ratio falls with it."""
    track = RatioMovingAverage(1, 1, gamma=0.1).double()
    index = torch.tensor([0])
    track(torch.tensor([[5.0, 100.0]], dtype=torch.float64), index)
    quiet = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    touches = 1
    while track(quiet, index)[0, 0].item() > 3.0:
        touches += 1
    assert touches == pytest.approx(100 / -math.log(0.9), rel=0.03)
    for _ in range(300):
        out = track(quiet, index)
    assert out[0].tolist() == pytest.approx([1.0, 0.0], abs=1e-9)


def test_log_weight_behaves_like_a_log_moving_average():
    """Lags, restarts and the stuck marks depend on v only."""
    for options in ({}, {"max_lag": 2.0}, {"restart_lag": 3.0}, {"max_lag": 12.0, "restart_lag": 15.0}):
        ratio = RatioMovingAverage(4, 2, gamma=0.2, **options).double()
        level = LogMovingAverage(4, gamma=0.2, **options).double()
        generator = torch.Generator().manual_seed(1)
        for _ in range(20):
            index = torch.randint(4, (3,), generator=generator)
            estimate = 8 * torch.randn(3, 3, dtype=torch.float64, generator=generator)
            torch.testing.assert_close(ratio(estimate, index)[:, 2], level(estimate[:, 2], index))
        assert torch.equal(ratio.stuck, level.stuck)
        assert ratio.monitor() == level.monitor()


def test_restarted_items_forget_their_old_ratio():
    index = torch.tensor([0])
    kept = 1 - 2 * 0.9 / (0.1 * math.exp(5) + 0.9)
    for lag, expected in ((4.0, -1.0), (6.0, kept)):
        track = RatioMovingAverage(1, 1, gamma=0.9, restart_lag=lag)
        track(torch.tensor([[1.0, 5.0]]), index)
        out = track(torch.tensor([[-1.0, 0.0]]), index)
        assert out[0, 0].item() == pytest.approx(expected, rel=1e-5)


def test_ratio_is_exact_for_large_weights():
    """ω is computed from q − v, not from v': at 1e5, float32 resolves v only to .008."""
    track = RatioMovingAverage(1, 1, gamma=0.1)
    index = torch.tensor([0])
    track(torch.tensor([[0.0, 1e5]]), index)
    out = track(torch.tensor([[1.0, 1e5]]), index)
    assert out[0, 0].item() == pytest.approx(0.1, rel=1e-5)


def test_items_without_instances_are_rejected():
    track = RatioMovingAverage(3, 2)
    estimate = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, -torch.inf]])
    with pytest.raises(ValueError, match=r"estimate must be finite, got -inf in row 1; .* leave out .* \(-inf\)"):
        track(estimate, torch.tensor([0, 1]))
    assert not track.seen.any()


@pytest.mark.parametrize(("channels", "error"), [(0, ValueError), (1.5, TypeError)])
def test_invalid_channels_are_rejected(channels, error):
    with pytest.raises(error, match="channels must be"):
        RatioMovingAverage(3, channels)


def test_estimate_is_returned_unchanged_in_eval_or_without_index():
    track = RatioMovingAverage(3, 1).eval()
    estimate = torch.tensor([[1.0, 2.0]])
    assert torch.equal(track(estimate, torch.tensor([0])), estimate)
    assert torch.equal(track.train()(estimate), estimate)
    assert not track.seen.any()
