import math

import pytest
import torch

from xgraph.losses import TwoTowerLoss
from xgraph.nn import TemperatureHead


def test_it_starts_at_one_temperature_and_stays_between_its_bounds() -> None:
    h = 100 * torch.randn(50, 4)
    assert TemperatureHead(4)(h).tolist() == pytest.approx([math.sqrt(0.05 * 0.7)] * 50)
    head = TemperatureHead(4, 0.01, 0.2, start=0.05)
    torch.testing.assert_close(head(h), torch.full((50,), 0.05))
    torch.nn.init.normal_(head.out.weight, std=100.0)
    assert bool(((head(h) >= 0.01) & (head(h) <= 0.2)).all())
    head.reset_parameters()
    torch.testing.assert_close(head(h), torch.full((50,), 0.05))
    assert head.half()(h.half()).dtype == torch.float32


def test_the_loss_trains_it_and_no_gradient_reaches_the_encoder() -> None:
    """At a fixed encoder the temperature moves to where the divergence from uniform is rho."""
    torch.manual_seed(0)
    h = torch.nn.functional.normalize(torch.randn(10, 3)).requires_grad_()
    head, loss_fn = TemperatureHead(3, start=0.1), TwoTowerLoss(10, learn="predicted", rho=0.4, gamma=1.0)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.01)
    for _ in range(300):
        tau = head(h)
        loss = loss_fn(h.detach(), h.detach(), torch.arange(10), tau1=tau, tau2=tau)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert h.grad is None
    gap = (h @ h.t() - 1).detach()[~torch.eye(10, dtype=torch.bool)].view(10, 9)
    p = (gap / head(h)[:, None]).softmax(1)
    divergence = (p * (9 * p).log()).sum(1)
    assert divergence.mean().item() == pytest.approx(0.4, abs=0.05)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"in_channels": 0}, "in_channels"),
        ({"low": 0.0}, "low"),
        ({"high": 0.05}, "high"),
        ({"start": 0.7}, "start"),
        ({"hidden_channels": 0}, "hidden_channels"),
    ],
)
def test_arguments_out_of_range_are_rejected(arguments: dict[str, float], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        TemperatureHead(**{"in_channels": 4, **arguments})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"h must have the shape \[B, 4\], got \[2, 3\]"):
        TemperatureHead(4)(torch.ones(2, 3))
