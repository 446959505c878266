import pytest
import torch

from xgraph.losses import BCELoss


@pytest.mark.parametrize("weight", [1.0, 4.0])
def test_equals_torch_on_known_labels(weight):
    torch.manual_seed(0)
    logits, target = torch.randn(20, 3, dtype=torch.float64), (torch.rand(20, 3) < 0.3).double()
    target[torch.rand(20, 3) < 0.3] = float("nan")
    known = ~target.isnan()
    expected = torch.nn.functional.binary_cross_entropy_with_logits(
        logits[known], target[known], pos_weight=torch.tensor(weight, dtype=torch.float64)
    )
    loss = BCELoss(20, 3, pos_weight=weight)(logits, target)
    torch.testing.assert_close(loss, expected)
