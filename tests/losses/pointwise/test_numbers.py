"""Losses whose targets are numbers: means of errors, and robust losses over the same errors."""

import math

import pytest
import torch

from tests.losses.cases import tables, unchanged
from xgraph.losses import (
    AbsoluteError,
    GroupDROLoss,
    HuberError,
    HuberLoss,
    KLDROLoss,
    MAELoss,
    MSELoss,
    SquaredError,
)

NAN = float("nan")


def numbers(batch=12, tasks=2, seed=0, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    h, y = torch.randn(2, batch, tasks, generator=generator, dtype=torch.float64) * scale
    y[torch.rand(batch, tasks, generator=generator) < 0.3] = NAN
    return h.requires_grad_(), y, torch.randperm(50, generator=generator)[:batch]


def huber(r, delta):
    return 0.5 * r * r if abs(r) <= delta else delta * (abs(r) - 0.5 * delta)


ERRORS = {
    MSELoss: ({}, lambda r: r * r),
    MAELoss: ({}, abs),
    HuberLoss: ({"delta": 0.7}, lambda r: huber(r, 0.7)),
}


@pytest.mark.parametrize("cls", ERRORS)
def test_value_and_gradient_are_those_of_the_mean_error(cls):
    options, error = ERRORS[cls]
    h, y, index = numbers()
    weight = torch.rand(12, dtype=torch.float64)
    for own in (None, weight):
        loss = cls(50, 2, **options)(h, y, index, own)
        known = [(i, t) for i in range(12) for t in range(2) if not math.isnan(y[i, t])]
        expected = sum((1 if own is None else own[i].item()) * error((h[i, t] - y[i, t]).item()) for i, t in known)
        assert loss.item() == pytest.approx(expected / len(known))
        (gradient,) = torch.autograd.grad(loss, h)
        step = 1e-6
        for i, t in [*known[:3], *[(i, t) for i in range(12) for t in range(2) if math.isnan(y[i, t])][:1]]:
            moved = h.detach().clone()
            moved[i, t] += step
            slope = (cls(50, 2, **options)(moved, y, index, own) - loss).item() / step
            assert gradient[i, t].item() == pytest.approx(slope, abs=1e-5)


@pytest.mark.parametrize(("name", "error"), [("squared_error", SquaredError()), ("huber", HuberError())])
def test_kl_dro_over_errors_is_the_algorithm(name, error):
    """The moving average of the exponential mean of e/τ over several steps, and its gradient."""
    loss_fn, gamma, tau, u = KLDROLoss(50, surrogate=name, gamma=0.3, temperature=0.5), 0.3, 0.5, None
    assert loss_fn.link == "identity"
    for seed in range(3):
        h, y, index = numbers(tasks=1, seed=seed)
        loss = loss_fn(h, y, index)
        known = ~y.isnan()
        r = (h - y)[known].detach()
        estimate = (error(r) / tau).exp().mean()
        u = estimate if u is None else (1 - gamma) * u + gamma * estimate
        assert loss.item() == pytest.approx((tau * u.log()).item(), rel=1e-6)
        (gradient,) = torch.autograd.grad(loss, h)
        slope = 2 * r if name == "squared_error" else r.clamp(-1, 1)
        expected = (error(r) / tau).exp() / u * slope / len(r)
        torch.testing.assert_close(gradient[known], expected, rtol=1e-6, atol=1e-9)
        assert not gradient[~known].any()


def test_group_dro_over_errors_tracks_the_mean_error_of_each_group():
    groups = torch.arange(50) % 3
    loss_fn = GroupDROLoss(50, groups=groups, surrogate="absolute_error", gamma=1.0)
    h, y, index = numbers(batch=30, tasks=1)
    loss_fn(h, y, index).backward()
    for k in range(3):
        own = (groups[index] == k) & ~y[:, 0].isnan()
        expected = (h - y)[own, 0].abs().mean().item()
        assert loss_fn.track.value.view(-1)[k].item() == pytest.approx(expected, rel=1e-6)


def test_a_large_temperature_gives_the_plain_mean():
    h, y, index = numbers()
    robust = KLDROLoss(50, 2, surrogate="squared_error", temperature=1e5)(h, y, index)
    plain = torch.stack([MSELoss(50)(h[:, t], y[:, t]) for t in range(2)]).mean()
    torch.testing.assert_close(robust, plain, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("cls", "options"), [(MSELoss, {}), (KLDROLoss, {"surrogate": "squared_error"})])
def test_numbers_that_cannot_be_summed_are_refused_and_write_no_state(cls, options):
    loss_fn = cls(50, 2, **options)
    h, y, index = numbers()
    loss_fn(h, y, index)
    before = tables(loss_fn)
    for value, shown in ((math.inf, "inf"), (-1e30, "-1e\\+30")):
        wrong = y.clone()
        wrong[4, 1] = value
        with pytest.raises(ValueError, match=rf"target must be a finite number within ±1e\+15.*, got {shown} in row 4"):
            loss_fn(h, wrong, index)
    with pytest.raises(ValueError, match="logits must be finite"):
        loss_fn(h * torch.inf, y, index)
    assert unchanged(before, loss_fn)
    assert loss_fn(h, torch.full_like(y, NAN), index).item() == 0
    assert loss_fn(h[:0], y[:0], index[:0]).item() == 0


def test_integers_and_labels_are_numbers():
    h = torch.tensor([0.5, 2.0])
    expected = MSELoss(2)(h, torch.tensor([1.0, 0.0]))
    for target in (torch.tensor([1, 0]), torch.tensor([True, False]), torch.tensor([1.0, 0.0], dtype=torch.float64)):
        torch.testing.assert_close(MSELoss(2)(h, target).float(), expected)


def test_options_are_checked():
    with pytest.raises(ValueError, match="delta must"):
        HuberLoss(5, delta=0)
    with pytest.raises(ValueError, match=r"surrogate must be one of .*logistic.*huber, got 'cubic'"):
        KLDROLoss(5, surrogate="cubic")
    with pytest.raises(ValueError, match="activation must be none for the surrogate 'huber' of numbers"):
        KLDROLoss(5, surrogate="huber", activation="sigmoid")
    assert KLDROLoss(5, surrogate=AbsoluteError()).link == "identity"
    assert KLDROLoss(5).link == KLDROLoss.link == "sigmoid"
