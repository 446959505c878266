import copy
import math

import pytest
import torch

from tests.losses.contrastive.algorithm_35 import Anchors, views
from xgraph.estimators import CosineGamma
from xgraph.losses import SogCLRLoss


class Algorithm34:
    """Algorithm 34 in linear space, one pair at a time in Python floats: u, the weights and the gradient."""

    def __init__(self, tau, gamma):
        self.tau, self.gamma, self.u = tau, gamma, {}

    def step(self, z1, z2, index):
        """The loss, and d loss / d h for the normalised vectors of both views."""
        views = [*z1, *z2]
        items = [*index, *index]
        h = [[x / math.sqrt(sum(y * y for y in row)) for x in row] for row in views]
        size, width = len(z1), len(h[0])
        other = [*range(size, 2 * size), *range(size)]

        def dot(a, b):
            return sum(x * y for x, y in zip(h[a], h[b], strict=True))

        result = {}
        for a in range(2 * size):
            negatives = [b for b in range(2 * size) if items[b] != items[a]]
            mean = sum(math.exp(dot(a, b) / self.tau) for b in negatives) / len(negatives)
            result.setdefault(items[a], []).append(mean)
        for item, means in result.items():
            mean = sum(means) / len(means)
            self.u[item] = (1 - self.gamma) * self.u.get(item, mean) + self.gamma * mean
        loss = 0.0
        slope = [[0.0] * width for _ in h]
        for a in range(2 * size):
            negatives = [b for b in range(2 * size) if items[b] != items[a]]
            loss += (self.tau * math.log(self.u[items[a]]) - dot(a, other[a])) / (2 * size)
            for k in range(width):
                slope[a][k] -= h[other[a]][k] / (2 * size)
                slope[other[a]][k] -= h[a][k] / (2 * size)
            for b in negatives:
                p = math.exp(dot(a, b) / self.tau) / self.u[items[a]] / len(negatives) / (2 * size)
                for k in range(width):
                    slope[a][k] += p * h[b][k]
                    slope[b][k] += p * h[a][k]
        return loss, h, slope


def gradient(z, h, slope):
    """The gradient for a vector before normalisation: (slope - h (h . slope)) / |z|."""
    rows = []
    for row, unit, own in zip(z, h, slope, strict=True):
        norm = math.sqrt(sum(x * x for x in row))
        along = sum(x * y for x, y in zip(unit, own, strict=True))
        rows.append([(s - along * u) / norm for s, u in zip(own, unit, strict=True)])
    return torch.tensor(rows, dtype=torch.float64)


@pytest.mark.parametrize(("tau", "gamma"), [(0.1, 0.9), (0.5, 0.3), (0.2, 1.0)])
@pytest.mark.parametrize("duplicates", [False, True])
def test_autograd_matches_algorithm_34_over_many_steps_and_a_restore(tau, gamma, duplicates):
    generator = torch.Generator().manual_seed(0)
    loss_fn, reference = SogCLRLoss(20, tau, gamma).double(), Algorithm34(tau, gamma)
    for step in range(30):
        if step == 15:
            fresh = SogCLRLoss(20, tau, gamma).double()
            fresh.load_state_dict(loss_fn.state_dict())
            loss_fn = fresh
        if duplicates:
            index = torch.randint(20, (6,), generator=generator)
        else:
            index = torch.randperm(20, generator=generator)[:6]
        z1, z2 = torch.randn(2, 6, 3, generator=generator, dtype=torch.float64)
        z1.requires_grad_()
        z2.requires_grad_()
        loss = loss_fn(z1, z2, index)
        loss.backward()
        if len(set(index.tolist())) == 1:
            continue
        expected, h, slope = reference.step(z1.tolist(), z2.tolist(), index.tolist())
        assert loss.item() == pytest.approx(expected, abs=1e-12)
        torch.testing.assert_close(z1.grad, gradient(z1.tolist(), h[:6], slope[:6]), atol=1e-11, rtol=1e-10)
        torch.testing.assert_close(z2.grad, gradient(z2.tolist(), h[6:], slope[6:]), atol=1e-11, rtol=1e-10)
    for item, u in reference.u.items():
        assert loss_fn.track.value[item].exp().item() == pytest.approx(u, rel=1e-10)
    assert set(loss_fn.track.seen.nonzero().flatten().tolist()) == set(reference.u)


def test_gradient_without_history_is_that_of_the_plain_batch():
    """gamma = 1 and eval mode, compared with autograd through the formula itself."""
    z = torch.randn(2, 5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    h = z / z.norm(dim=2, keepdim=True)
    a = torch.cat([h[0], h[1]])
    apart = ~torch.eye(5, dtype=torch.bool).repeat(2, 2)
    g = ((a @ a.t() / 0.3).exp() * apart).sum(1) / 8
    plain = 0.3 * ((g[:5] + g[5:]) / 2).log().mean() - (h[0] * h[1]).sum(1).mean()
    (expected,) = torch.autograd.grad(plain, z)
    for loss_fn in (SogCLRLoss(9, 0.3, 1.0).double(), SogCLRLoss(9, 0.3, 0.2).double().eval()):
        for _ in range(3):
            loss = loss_fn(z[0], z[1], torch.tensor([8, 1, 2, 5, 3]))
            (result,) = torch.autograd.grad(loss, z)
            assert loss.item() == pytest.approx(plain.item(), abs=1e-14)
            torch.testing.assert_close(result, expected, atol=1e-13, rtol=1e-12)
        assert bool(loss_fn.track.seen.any()) == loss_fn.training
    assert SogCLRLoss(9, 0.3).double().eval()(z[0], z[1]).item() == pytest.approx(plain.item(), abs=1e-14)


@pytest.mark.parametrize("tau", [0.01, 0.02, 1000.0])
def test_finite_for_any_temperature_even_after_the_worst_history(tau):
    loss_fn = SogCLRLoss(3, tau, 0.1)
    index = torch.arange(3)
    alike = torch.ones(3, 2)
    loss_fn(alike, alike, index)  # every negative is as close as the positive
    assert loss_fn.track.value[0].item() == pytest.approx(1 / tau, rel=1e-4)
    z = torch.tensor([[1.0, 0.0], [-0.5, 0.8], [-0.5, -0.8]], requires_grad=True)
    for _ in range(50):
        loss = loss_fn(z, z, index)
        (grad,) = torch.autograd.grad(loss, z)
        assert loss.isfinite()
        assert grad.isfinite().all()
    assert abs(loss.item() - SogCLRLoss(3, tau).eval()(z, z).item()) < max(0.3, 0.01 * tau)


def test_single_item_gives_zero_and_writes_nothing():
    loss_fn = SogCLRLoss(3)
    z = torch.randn(2, 4, requires_grad=True)
    loss = loss_fn(z, z, torch.tensor([1, 1]))
    loss.backward()
    assert loss.item() == 0
    assert not z.grad.any()
    assert not loss_fn.track.seen.any()


def test_schedule_and_monitor():
    loss_fn = SogCLRLoss(6, 0.2, CosineGamma(10, gamma_min=0.5))
    loss_fn.set_epoch(5)
    assert loss_fn.track.gamma == pytest.approx(0.75)
    z = torch.randn(2, 4, 3)
    loss_fn(z[0], z[1], torch.arange(4))
    assert loss_fn.monitor()["seen"] == pytest.approx(4 / 6)


def test_small_batches_are_not_biased():
    """With three items per batch, the mini-batch loss (gamma = 1) drifts away from the minimum over all items.

    For vectors on a circle, each serving as its own second view, compare the gradient over all items at a fixed point
    with the mean gradient over batches.
    """
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(12, 2, generator=generator, dtype=torch.float64).requires_grad_()

    def whole():
        return torch.autograd.grad(SogCLRLoss(12, 0.1).double().eval()(z, z), z)[0]

    def mean_gradient(gamma):
        loss_fn = SogCLRLoss(12, 0.1, gamma).double()
        total, count = torch.zeros_like(z), 0
        for step in range(500):
            index = torch.randperm(12, generator=generator)[:3]
            (grad,) = torch.autograd.grad(loss_fn(z[index], z[index], index), z)
            if step >= 200:
                total, count = total + grad, count + 1
        return total / count

    exact = whole()
    error = {gamma: (mean_gradient(gamma) - exact).norm() / exact.norm() for gamma in (1.0, 0.05)}
    assert error[0.05] < 0.5 * error[1.0]


Z = torch.ones(3, 2)


@pytest.mark.parametrize(
    ("views", "index", "error", "text"),
    [
        ((Z, Z[:2]), [0, 1, 2], ValueError, r"z1 and z2 must have the same shape \[B, P\], got \[3, 2\] and \[2, 2\]"),
        ((Z[0], Z[0]), [0, 1], ValueError, r"the same shape \[B, P\]"),
        ((Z.long(), Z), [0, 1, 2], TypeError, r"z1 must be a tensor of floating-point numbers, got torch\.int64"),
        ((Z, [1.0]), [0, 1, 2], TypeError, "z2 must be a tensor of floating-point numbers, got list"),
        ((Z, Z), [0, 1], ValueError, r"index must have the shape \[3\], one position per row, got \[2\]"),
        ((Z, Z), [0, 1, 5], IndexError, r"index must lie in 0\.\.4"),
        ((Z, Z), [0, -1, 2], IndexError, "got -1"),
        ((Z, Z), [0.0, 1.0, 2.0], TypeError, "index must be a tensor of integers"),
        ((Z, Z), None, ValueError, "index is required"),
        ((Z, Z * torch.tensor([[1.0], [math.nan], [1.0]])), [0, 1, 2], ValueError, "z2 must be finite, .* in row 1"),
        ((Z / 0, Z), [0, 1, 2], ValueError, "z1 must be finite, .* in row 0"),
    ],
)
def test_invalid_input_is_rejected_before_writing(views, index, error, text):
    loss_fn = SogCLRLoss(5)
    with pytest.raises(error, match=text):
        loss_fn(*views, None if index is None else torch.tensor(index))
    assert not loss_fn.track.seen.any()


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"num_items": 0}, ValueError, "num_items"),
        ({"tau": 0.0}, ValueError, "tau"),
        ({"tau": math.nan}, ValueError, "tau"),
        ({"gamma": 0.0}, ValueError, "gamma"),
        ({"gamma": 1.5}, ValueError, "gamma"),
        ({"tau": "warm"}, TypeError, "tau"),
    ],
)
def test_arguments_out_of_range_are_rejected(arguments, error, text):
    with pytest.raises(error, match=text):
        SogCLRLoss(**{"num_items": 5, **arguments})


def test_repr():
    assert "num_items=5, temperature=0.1" in repr(SogCLRLoss(5))


@pytest.mark.parametrize("kind", ["none", "global", "individual", "predicted"])
@pytest.mark.parametrize("count", [2, 3])
def test_temperatures_and_several_views_match_algorithm_35_over_many_steps(kind, count):
    generator = torch.Generator().manual_seed(0)
    loss_fn, anchors = SogCLRLoss(12, 0.2, 0.3, learn=kind).double(), Anchors(kind, 0.3, start=0.2)
    for step in range(20):
        if step == 10:
            loss_fn = copy.deepcopy(loss_fn)
        index = torch.randint(12, (5,), generator=generator)
        z = torch.randn(5, count, 3, generator=generator, dtype=torch.float64).requires_grad_()
        tau = None
        if kind == "predicted":
            tau = (0.05 + torch.rand(5, generator=generator).double()).requires_grad_()
        loss = loss_fn(z[:, 0], z[:, 1] if count == 2 else z[:, 1:], index, tau)
        given = None if tau is None else tau.tolist()
        expected, slope, own = views(anchors, z.detach(), index.tolist(), given)
        assert loss.item() == pytest.approx(expected, abs=1e-12)
        grads = torch.autograd.grad(loss, [z] if tau is None else [z, tau])
        for got, right in zip(grads, (slope, own), strict=False):
            torch.testing.assert_close(got, right, atol=1e-11, rtol=1e-9)
    for item, u in anchors.u.items():
        assert loss_fn.track.value[item].exp().item() == pytest.approx(u, rel=1e-10)
    for item, value in anchors.tau.items():
        assert loss_fn.temperatures.state.value[item].item() == pytest.approx(value, rel=1e-10)


def test_in_evaluation_an_item_has_its_own_temperature_and_an_unknown_one_the_mean():
    loss_fn = SogCLRLoss(9, "individual", rho=0.1, temperature_lr=0.1)
    z = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0))
    for _ in range(5):
        loss_fn(z[0], z[1], torch.arange(4))
    loss_fn.eval()
    own = loss_fn.temperatures.at(torch.arange(5))
    assert len(set(own[:4].tolist())) > 1
    assert own[4].item() == pytest.approx(0.1)
    assert loss_fn.temperatures.at(None).item() == pytest.approx(own[:4].mean().item())
    given = SogCLRLoss(9, "predicted", rho=0.1).eval()
    for index, tau in ((torch.arange(4), own[:4]), (None, own[:4].mean().expand(4))):
        assert loss_fn(z[0], z[1], index).item() == pytest.approx(given(z[0], z[1], index, tau).item(), rel=1e-6)
    assert SogCLRLoss(9, "individual").temperatures.at(None).item() == pytest.approx(0.1)


def test_tau_is_the_temperature_and_states_of_earlier_versions_load():
    assert SogCLRLoss(5, tau=0.3).temperature == SogCLRLoss(5, 0.3).tau == 0.3
    with pytest.raises(ValueError, match="tau is another name of temperature: give one of them, got 0.3 and 0.2"):
        SogCLRLoss(5, 0.2, tau=0.3)
    loss_fn = SogCLRLoss(3)
    loss_fn.load_state_dict({"track.value": torch.tensor([1.0, 2, 3]), "track.seen": torch.ones(3, dtype=torch.bool)})
    assert loss_fn.track.value.tolist() == [1, 2, 3]
    with pytest.raises(RuntimeError, match="missing keys .*temperatures.state.value"):
        SogCLRLoss(3, "individual").load_state_dict(loss_fn.state_dict())
