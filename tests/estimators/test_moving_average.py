import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xgraph.estimators import MovingAverage

STEPS = st.lists(
    st.lists(st.tuples(st.integers(0, 4), st.floats(-100, 100)), min_size=1, max_size=7), min_size=1, max_size=8
)


@settings(max_examples=100, deadline=None)
@given(steps=STEPS, gamma=st.floats(0.01, 1.0))
def test_state_matches_the_definition(steps, gamma):
    """Compared with a dictionary of Python floats: average duplicates, then update once; the first is unscaled."""
    track = MovingAverage(5, gamma=gamma).double()
    state: dict[int, float] = {}
    for step in steps:
        out = track(torch.tensor([g for _, g in step], dtype=torch.float64), torch.tensor([i for i, _ in step]))
        for item in {i for i, _ in step}:
            estimates = [g for i, g in step if i == item]
            mean = sum(estimates) / len(estimates)
            state[item] = (1 - gamma) * state[item] + gamma * mean if item in state else mean
        assert out.tolist() == pytest.approx([state[i] for i, _ in step], rel=1e-9, abs=1e-9)
    for item in range(5):
        assert track.seen[item].item() == (item in state)
        assert track.value[item].item() == pytest.approx(state.get(item, 0.0), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("shape", [(), (2,), (3, 2)])
def test_value_is_the_state_and_gradient_is_that_of_the_batch(shape):
    """The gradient of mean f(out) is mean ∇f(u) ∇ĝ, also when the history matters."""
    torch.manual_seed(0)
    track = MovingAverage(10, shape, gamma=0.2).double()
    weight = torch.randn(4, *shape, dtype=torch.float64, requires_grad=True)
    for _ in range(30):
        index = torch.randperm(10)[:4]
        noise = torch.rand(4, *shape, dtype=torch.float64)
        estimate = (weight * noise).exp()
        out = track(estimate, index)
        assert torch.equal(out, track.value[index])
        (grad,) = torch.autograd.grad(out.pow(3).mean(), weight)
        explicit = 3 * track.value[index] ** 2 * (noise * estimate).detach() / out.numel()
        torch.testing.assert_close(grad, explicit, rtol=1e-10, atol=1e-10)


def test_duplicates_are_averaged():
    torch.manual_seed(0)
    twice, once = MovingAverage(3, gamma=0.3).double(), MovingAverage(3, gamma=0.3).double()
    for table in (twice, once):
        table(torch.tensor([4.0], dtype=torch.float64), torch.tensor([1]))
    a = torch.tensor([1.0, 5.0], dtype=torch.float64, requires_grad=True)
    b = torch.tensor([1.0, 5.0], dtype=torch.float64, requires_grad=True)
    twice(a, torch.tensor([1, 1])).square().mean().backward()
    once(b.mean().view(1), torch.tensor([1])).square().mean().backward()
    torch.testing.assert_close(twice.value, once.value)
    torch.testing.assert_close(a.grad, b.grad)


def test_max_lag_bounds_the_state_by_a_multiple_of_the_estimate():
    track = MovingAverage(1, gamma=0.1, max_lag=2.0)
    index = torch.tensor([0])
    track(torch.tensor([1e8]), index)
    out = track(torch.tensor([1.0]), index)
    assert out.item() == pytest.approx(torch.e**2, rel=1e-5)
    assert MovingAverage(1, gamma=0.1, max_lag=None)(torch.tensor([1e8]), index).item() == 1e8


def test_converges_to_the_mean_of_noisy_estimates():
    torch.manual_seed(0)
    truth = torch.tensor([1.0, -3.0, 10.0], dtype=torch.float64)
    track = MovingAverage(3, gamma=0.002).double()
    for _ in range(10_000):
        index = torch.randperm(3)[:2]
        track(truth[index] + torch.randn(2, dtype=torch.float64), index)
    torch.testing.assert_close(track.value, truth, atol=0.15, rtol=0)
