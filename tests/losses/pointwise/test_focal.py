import math

import pytest
import torch

from xgraph.losses import BCELoss, FocalLoss


def test_equals_the_published_formula():
    logits, target = [-3.0, -0.2, 0.0, 1.5, 4.0], [1, 0, 1, 0, 1]
    total = 0.0
    for h, y in zip(logits, target, strict=True):
        p = 1 / (1 + math.exp(-h))
        total += -0.3 * (1 - p) ** 1.7 * math.log(p) if y else -0.7 * p**1.7 * math.log(1 - p)
    loss = FocalLoss(5, alpha=0.3, focusing=1.7)(torch.tensor(logits, dtype=torch.float64), torch.tensor(target))
    assert loss.item() == pytest.approx(total / 5, abs=1e-12)


def test_focusing_zero_is_half_of_cross_entropy():
    logits, target = torch.randn(9), (torch.arange(9) < 4).float()
    loss = FocalLoss(9, alpha=0.5, focusing=0.0)(logits, target)
    torch.testing.assert_close(2 * loss, BCELoss(9)(logits, target))
