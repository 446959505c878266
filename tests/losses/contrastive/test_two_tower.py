import copy
import math
import warnings

import pytest
import torch
from torch.nn import functional as F

from tests.losses.contrastive.algorithm_35 import Anchors, towers, unit
from xgraph.estimators import CosineGamma
from xgraph.losses import TwoTowerLoss

KINDS = ("none", "global", "individual", "predicted")


def pairs(generator, size=6, width=3):
    z1, z2 = torch.randn(2, size, width, generator=generator, dtype=torch.float64)
    return z1.requires_grad_(), z2.requires_grad_()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("gamma", "momentum"), [(0.3, 0.9), (1.0, 0.5)])
def test_autograd_matches_algorithm_35_over_many_steps_and_a_restore(kind, gamma, momentum):
    """Duplicates on either side, several texts of a molecule, and rows without negatives occur."""
    generator = torch.Generator().manual_seed(1)
    options = {"learn": kind, "gamma": gamma, "temperature_lr": 0.05, "average": False}
    one, two = (Anchors(kind, gamma, lr=0.05, beta=momentum) for _ in range(2))

    def build():
        return TwoTowerLoss(8, 5, temperature_momentum=momentum, **options).double()

    loss_fn = build()
    for step in range(30):
        if step == 10:
            saved, loss_fn = loss_fn, build()
            loss_fn.load_state_dict(saved.state_dict())
        if step == 20:
            loss_fn = copy.deepcopy(loss_fn)
        size = 6 if step % 3 else 3
        index, index2 = (torch.randint(n, (size,), generator=generator) for n in (8, 5))
        z1, z2 = pairs(generator, size)
        taus = (None, None)
        if kind == "predicted":
            taus = tuple(tau.requires_grad_() for tau in 0.05 + torch.rand(2, size, generator=generator).double() / 2)
        loss = loss_fn(z1, z2, index, index2, *taus)
        given = tuple(None if tau is None else tau.tolist() for tau in taus)
        expected, *grads = towers(one, two, z1.detach(), z2.detach(), index.tolist(), index2.tolist(), given)
        assert loss.item() == pytest.approx(expected, abs=1e-12)
        leaves = [z1, z2, *(taus if kind == "predicted" else ())]
        for own, right in zip(torch.autograd.grad(loss, leaves), grads, strict=False):
            torch.testing.assert_close(own, right, atol=1e-11, rtol=1e-9)
    for track, temperatures, anchors in (
        (loss_fn.track1, loss_fn.temperatures1, one),
        (loss_fn.track2, loss_fn.temperatures2, two),
    ):
        assert set(track.seen.nonzero().flatten().tolist()) == set(anchors.u)
        for item, u in anchors.u.items():
            assert track.value[item].exp().item() == pytest.approx(u, rel=1e-10)
        for item, tau in anchors.tau.items():
            assert temperatures.state.value[item].item() == pytest.approx(tau, rel=1e-10)
            assert temperatures.slope.value[item].item() == pytest.approx(anchors.smooth[item], rel=1e-9)
        assert len(anchors.tau) == {"global": 1, "individual": len(anchors.u)}.get(kind, 0)


@pytest.mark.parametrize("kind", KINDS[:3])
def test_a_batch_alone_is_the_objective_itself(kind):
    """gamma = 1 and eval mode, compared with autograd through (6.48): cross-entropy without the positive."""
    z1, z2 = pairs(torch.Generator().manual_seed(2), 5, 4)
    index = torch.tensor([8, 1, 2, 5, 3])
    s, rho, tau = unit(z1) @ unit(z2).t(), 0.0 if kind == "none" else 0.2, 0.3
    rest = torch.eye(5, dtype=torch.bool)

    def direction(scores):
        gap = (scores - scores.diagonal()[:, None]).masked_fill(rest, -torch.inf)
        return tau * ((gap / tau).exp().sum(1) / 4).log().mean() + tau * rho

    plain = (direction(s) + direction(s.t())) / 2
    expected = torch.autograd.grad(plain, (z1, z2))
    options = {"temperature": tau, "learn": kind, "rho": 0.2, "temperature_lr": 1e-9}
    for loss_fn in (TwoTowerLoss(9, gamma=1.0, **options), TwoTowerLoss(9, gamma=0.2, **options).eval()):
        loss = loss_fn.double()(z1, z2, index)
        assert loss.item() == pytest.approx(plain.item(), abs=1e-9)
        for own, right in zip(torch.autograd.grad(loss, (z1, z2)), expected, strict=True):
            torch.testing.assert_close(own, right, atol=1e-8, rtol=1e-7)
        assert bool(loss_fn.track1.seen.any()) == loss_fn.training
    twice = TwoTowerLoss(9, average=False, **options).double().eval()(z1, z2, index)
    assert twice.item() == pytest.approx(2 * plain.item(), abs=1e-12)
    assert loss_fn(z1, z2).item() == pytest.approx(plain.item(), abs=1e-12), "without an index"


def test_temperatures_come_to_rest_where_the_divergence_is_rho_or_at_a_bound():
    generator = torch.Generator().manual_seed(0)
    z1, z2 = (part.detach() for part in pairs(generator, 12, 3))
    loss_fn = TwoTowerLoss(12, learn="individual", rho=0.5, gamma=1.0, temperature_lr=0.1).double()
    index = torch.arange(12)
    for _ in range(400):
        loss_fn(z1, z2, index)
    s = unit(z1) @ unit(z2).t()
    ends = 0
    for i, tau in enumerate(loss_fn.temperatures1.at(index).tolist()):
        gap = torch.cat([s[i, :i], s[i, i + 1 :]])
        p = (gap / tau).softmax(0)
        divergence = (p * (p * 11).log()).sum().item()
        if 0.05 < tau < 0.7:
            assert divergence == pytest.approx(0.5, abs=1e-4)
        else:
            ends += 1
            assert (divergence < 0.5) == (tau == pytest.approx(0.05))
    assert ends < 10
    report = loss_fn.monitor()
    assert 0.05 < report["temperature"] < 0.7
    both = [table.at(index) for table in (loss_fn.temperatures1, loss_fn.temperatures2)]
    assert report["at_min"] == pytest.approx(sum((tau <= 0.05).double().mean().item() for tau in both) / 2)


def test_temperatures_stay_within_their_bounds_and_change_by_30_percent_at_most():
    z = torch.eye(3)
    for start, far, end in ((0.05, z, 0.05), (0.7, torch.ones(3, 3) + 0.01 * z, 0.7)):
        loss_fn = TwoTowerLoss(3, temperature=start, learn="individual", rho=0.6 if start < 0.1 else 0.0)
        for _ in range(5):
            assert loss_fn(z, far, torch.arange(3)).isfinite()
        assert loss_fn.temperatures1.at(torch.arange(3)).tolist() == pytest.approx([end] * 3)
    loss_fn = TwoTowerLoss(3, learn="global", rho=0.6, temperature_lr=100.0, min_temperature=0.005)
    loss_fn(z, z, torch.arange(3))
    assert loss_fn.temperatures1.at(torch.arange(2)).tolist() == pytest.approx([0.07] * 2)
    for _ in range(50):
        assert loss_fn(z, z.flip(0), torch.arange(3)).isfinite()


def test_a_rho_that_never_binds_is_warned_of_and_the_temperature_falls_to_its_bound():
    with pytest.warns(UserWarning, match=r"rho = 1 is not below log\(2\) = 0.693, .* min_temperature = 0.05; use"):
        loss_fn = TwoTowerLoss(3, learn="individual", rho=1.0, temperature_lr=0.1, gamma=1.0)
    for _ in range(20):
        loss_fn(torch.eye(3), torch.rand(3, 3), torch.arange(3))
    assert loss_fn.temperatures2.at(torch.arange(3)).tolist() == pytest.approx([0.05] * 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TwoTowerLoss(3, rho=1.0)  # a constant temperature has no rho
        TwoTowerLoss(1, learn="global")


def test_rows_of_one_item_are_no_negatives_and_without_any_nothing_is_written():
    z1, z2 = (part.detach().float().requires_grad_() for part in pairs(torch.Generator().manual_seed(0), 3, 4))
    for index, index2 in (([1, 1, 1], [0, 1, 2]), ([0, 1, 2], [2, 2, 2])):
        loss_fn = TwoTowerLoss(5, learn="individual")
        loss = loss_fn(z1, z2, torch.tensor(index), torch.tensor(index2))
        loss.backward()
        assert loss.item() == 0
        assert not z1.grad.any()
        assert not loss_fn.track1.seen.any()
        assert not loss_fn.temperatures2.state.seen.any()
    loss_fn = TwoTowerLoss(5)
    loss_fn(z1, z2, torch.tensor([0, 0, 1]), torch.tensor([0, 1, 0]))  # row 0 shares an item with both others
    assert loss_fn.track1.seen.tolist() == [True, True, False, False, False]
    assert loss_fn(z1[:1], z2[:1], torch.tensor([4])).item() == 0


def test_gamma_schedule_and_types():
    loss_fn = TwoTowerLoss(6, learn="global", gamma=CosineGamma(10, gamma_min=0.5))
    loss_fn.set_epoch(5)
    assert loss_fn.track1.gamma == loss_fn.track2.gamma == pytest.approx(0.75)
    assert loss_fn.temperatures1.slope.gamma == 0.9
    z = torch.randn(4, 3, dtype=torch.float16)
    assert loss_fn(z, z, torch.arange(4)).dtype == torch.float32
    assert "learned" not in repr(loss_fn)
    assert "global, [0.05, 0.7]" in repr(loss_fn)


Z = torch.ones(3, 2)
TAU = torch.full((3,), 0.1)


@pytest.mark.parametrize(
    ("options", "arguments", "error", "text"),
    [
        ({}, (Z, Z[:2], [0, 1, 2]), ValueError, r"z1 and z2 must have the same shape \[B, P\]"),
        ({}, (Z, Z, [0, 1]), ValueError, r"index must have the shape \[3\], one position per row, got \[2\]"),
        ({}, (Z, Z, [0, 1, 5]), IndexError, r"index must lie in 0\.\.4"),
        ({}, (Z, Z, [0, 1, 2], [0, 1, 7]), IndexError, r"got 7; index2 is the item's position"),
        ({}, (Z, Z, None), ValueError, "index is required in training"),
        ({"num_items2": 9}, (Z, Z, [0, 1, 2]), ValueError, "index2 is required: the second tower has 9 items"),
        ({}, (Z, Z * math.nan, [0, 1, 2]), ValueError, "z2 must be finite, got a non-finite value in row 0"),
        ({}, (Z, Z, [0, 1, 2], None, TAU), ValueError, "tau1: a temperature for each row is for learn='predicted'"),
        ({"learn": "predicted"}, (Z, Z, [0, 1, 2], None, TAU), ValueError, "tau2 is required for learn='predicted'"),
        (
            {"learn": "predicted"},
            (Z, Z, [0, 1, 2], None, TAU, TAU * 0),
            ValueError,
            "tau2 must lie in .*, got 0 in row 0",
        ),
        ({"learn": "predicted"}, (Z, Z, [0, 1, 2], None, TAU[:2], TAU), ValueError, r"tau1 must have the shape \[3\]"),
    ],
)
def test_invalid_input_is_rejected_before_writing(options, arguments, error, text):
    loss_fn = TwoTowerLoss(5, **options)
    z1, z2, *rest = arguments
    rest = [torch.tensor(part) if isinstance(part, list) else part for part in rest]
    with pytest.raises(error, match=text):
        loss_fn(z1, z2, *rest)
    assert not loss_fn.track1.seen.any()


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"num_items2": 0}, ValueError, "num_items2"),
        ({"temperature": "warm"}, ValueError, "a number or one of constant, global, individual, predicted, got 'warm'"),
        ({"temperature": "global", "learn": "individual"}, ValueError, "contradicts learn"),
        ({"learn": "all"}, ValueError, "learn must be one of none, global, individual, predicted"),
        ({"learn": "global", "temperature": 0.01}, ValueError, r"where the global one starts and must lie in \[0.05"),
        ({"min_temperature": 0.001}, ValueError, r"min_temperature must lie in \[0.005"),
        ({"max_temperature": 0.05}, ValueError, "max_temperature"),
        ({"rho": -1.0}, ValueError, "rho"),
        ({"temperature_lr": 0}, ValueError, "temperature_lr"),
        ({"temperature_momentum": 0}, ValueError, "temperature_momentum"),
    ],
)
def test_arguments_out_of_range_are_rejected(arguments, error, text):
    with pytest.raises(error, match=text):
        TwoTowerLoss(**{"num_items": 5, **arguments})


def test_small_batches_are_not_biased():
    """The mean gradient over batches of three, at a fixed point, against the gradient over all pairs."""
    generator = torch.Generator().manual_seed(0)
    z1, z2 = pairs(generator, 12, 2)
    whole = torch.cat(torch.autograd.grad(TwoTowerLoss(12).double().eval()(z1, z2), (z1, z2)))

    def error(gamma):
        loss_fn, total = TwoTowerLoss(12, gamma=gamma).double(), torch.zeros_like(whole)
        for step in range(500):
            index = torch.randperm(12, generator=generator)[:3]
            grads = torch.autograd.grad(loss_fn(z1[index], z2[index], index), (z1, z2))
            total += torch.cat(grads) * (step >= 200)
        return F.mse_loss(total / 300, whole).sqrt()

    assert error(0.05) < 0.5 * error(1.0)
