import math

import pytest
import torch

from xgraph.losses import BCELoss, WeightedBCELoss

NAN = math.nan


def test_equals_the_weighted_mean_over_known_labels():
    torch.manual_seed(0)
    logits = torch.randn(20, 4, dtype=torch.float64, requires_grad=True)
    y = (torch.rand(20, 4) < 0.4).double()
    y[torch.rand(20, 4) < 0.5] = NAN
    weight = torch.tensor([0.5, 3.0, 0.0, 1.0])
    top = bottom = 0.0
    slope = torch.zeros(20, 4, dtype=torch.float64)
    for i in range(20):
        for t in range(4):
            if not math.isnan(y[i, t]):
                p = 1 / (1 + math.exp(-logits[i, t].item()))
                top += weight[t].item() * -math.log(p if y[i, t] == 1 else 1 - p)
                bottom += weight[t].item()
                slope[i, t] = weight[t].item() * (p - y[i, t].item())
    loss = WeightedBCELoss(20, 4, task_weight=weight)(logits, y)
    loss.backward()
    assert loss.item() == pytest.approx(top / bottom, abs=1e-12)
    torch.testing.assert_close(logits.grad, slope / bottom, atol=1e-12, rtol=1e-10)


def test_equal_weights_give_plain_cross_entropy():
    logits, y = torch.randn(6, 2), torch.tensor([[1.0, NAN]] * 3 + [[0.0, 1.0]] * 3)
    result = WeightedBCELoss(6, 2, task_weight=torch.full((2,), 7.0))(logits, y)
    torch.testing.assert_close(result, BCELoss(6, 2)(logits, y))


def test_batch_with_zero_weights_gives_zero():
    logits = torch.randn(2, 2, requires_grad=True)
    loss = WeightedBCELoss(2, 2, task_weight=torch.tensor([1.0, 0.0]))(logits, torch.tensor([[NAN, 1.0]] * 2))
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()


def test_weights_are_saved_in_the_state_dict():
    one, other = (WeightedBCELoss(2, 2, task_weight=torch.tensor(w)) for w in ([1.0, 2.0], [1.0, 1.0]))
    other.load_state_dict(one.state_dict())
    assert other.task_weight.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("weight", [[1.0], [1.0, -1.0], [1.0, NAN], [[1.0, 1.0]]])
def test_invalid_weights_are_rejected(weight):
    with pytest.raises(ValueError, match="task_weight must"):
        WeightedBCELoss(2, 2, task_weight=torch.tensor(weight))
