import numpy as np
import pytest
import torch

from xgraph.training.scoring.inference import choose_device, probability


def test_probability_keeps_order_and_does_not_overflow() -> None:
    with np.errstate(all="raise", under="ignore"):
        p = probability(np.array([-1e308, -800.0, -30.0, 0.0, 30.0, 36.0, 800.0]))
    assert (np.diff(p) >= 0).all()
    assert p[4] < p[5] < 1
    assert p[2] == pytest.approx(torch.sigmoid(torch.tensor(-30.0, dtype=torch.float64)).item(), rel=1e-14)


def test_choose_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert [choose_device(d) for d in ("auto", "cpu", "cuda")] == ["cuda", "cpu", "cuda"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert [choose_device(d) for d in ("auto", "cpu")] == ["cpu", "cpu"]
