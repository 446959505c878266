"""Invalid per-item losses are rejected by every loss with a `reduce` method."""

import pytest
import torch

from tests.losses.cases import NAN, build, tables, unchanged

MASK = torch.ones(12, 3, dtype=torch.bool)


def spoilt(value):
    losses = torch.rand(12, 3)
    losses[2, 1] = value
    return losses


@pytest.mark.parametrize("name", ["kl-dro", "group-dro", "cvar-dro"])
@pytest.mark.parametrize(
    ("losses", "known", "error", "message"),
    [
        (torch.rand(12, 3, device="meta"), None, ValueError, "one device, got losses on meta"),
        (torch.rand(12, 3), MASK.to("meta"), ValueError, "one device, got losses on cpu, known on meta"),
        (torch.rand(12, 2), None, ValueError, r"losses must have the shape \[B, 3\], got \[12, 2\]"),
        (torch.rand(12, 3), MASK[:, :2], ValueError, r"known must .*shape.*\[12, 3\], got .*\[12, 2\]"),
        ([1.0, 2.0], None, TypeError, "losses must be a tensor of floating-point numbers, got list"),
        (MASK, None, TypeError, "losses must be a tensor of floating-point numbers, got torch.bool"),
        (spoilt(NAN), None, ValueError, "losses must be finite, got nan in row 2"),
        (spoilt(float("inf")), None, ValueError, "losses must be finite, got inf in row 2"),
        (spoilt(1e38), None, ValueError, r"losses must lie within ±1e\+15, got .*e\+37 in row 2"),
        (spoilt(-1e38), None, ValueError, r"losses must lie within ±1e\+15, got -.* in row 2"),
    ],
)
def test_invalid_losses_are_rejected_before_writing(name, losses, known, error, message):
    loss_fn = build(name, num_tasks=3)
    before = tables(loss_fn)
    with pytest.raises(error, match=message):
        loss_fn.reduce(losses, *([torch.arange(12)] if name == "group-dro" else []), known=known)
    assert unchanged(before, loss_fn)
