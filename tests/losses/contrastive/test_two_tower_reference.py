"""DRRho for two towers (6.121): similarities above those of reference towers."""

import math

import pytest
import torch
from torch.nn import functional as F

from xgraph.losses import TwoTowerLoss


def test_it_is_the_loss_of_the_differences_of_similarities_over_several_steps():
    """Each direction by loops in linear space, with its own state."""
    tau, gamma, u = 0.3, 0.4, [{}, {}]
    loss_fn = TwoTowerLoss(8, temperature=tau, gamma=gamma).double()
    generator = torch.Generator().manual_seed(0)
    for _ in range(6):
        z1, z2 = (torch.randn(4, 5, generator=generator, dtype=torch.float64) for _ in range(2))
        r1, r2 = (torch.randn(4, 3, generator=generator, dtype=torch.float64) for _ in range(2))
        index = torch.randperm(8, generator=generator)[:4]
        s = F.normalize(z1) @ F.normalize(z2).t() - F.normalize(r1) @ F.normalize(r2).t()
        value = 0.0
        for state, scores in zip(u, (s, s.t()), strict=True):
            for i in range(4):
                terms = [math.exp((scores[i, j] - scores[i, i]).item() / tau) for j in range(4) if j != i]
                item, mean = index[i].item(), sum(terms) / 3
                state[item] = (1 - gamma) * state[item] + gamma * mean if item in state else mean
                value += tau * math.log(state[item]) / 4 / 2
        assert loss_fn(z1, z2, index, reference=(r1, r2)).item() == pytest.approx(value, abs=1e-12)


def test_a_reference_of_equal_similarities_changes_nothing():
    z1, z2, same = torch.randn(4, 5), torch.randn(4, 5), torch.ones(4, 2)
    losses = [TwoTowerLoss(4)(z1, z2, torch.arange(4), reference=pair) for pair in (None, (same, same))]
    torch.testing.assert_close(*losses)


def test_invalid_references_are_refused():
    loss_fn, z = TwoTowerLoss(4), torch.randn(4, 5)
    for reference, error, message in (
        ((z[:3], z), ValueError, r"reference must hold two tensors of the same shape \[4, P\], got \[3, 5\] and"),
        ((z, z[:, :2]), ValueError, r"reference must hold two tensors of the same shape \[4, P\]"),
        ((z, z * math.nan), ValueError, "reference 2 must be finite"),
        ((z, z.long()), TypeError, "reference 2 must be a tensor of floating-point numbers"),
        ((z.to("meta"), z.to("meta")), ValueError, "one device"),
    ):
        with pytest.raises(error, match=message):
            loss_fn(z, z, torch.arange(4), reference=reference)
    assert not loss_fn.track1.seen.any()
