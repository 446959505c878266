import numpy as np
import pytest
import torch
from fitted_models import batch, table
from sklearn.linear_model import LogisticRegression as Reference

from xgraph.nn import LogisticRegression


@pytest.mark.parametrize("options", [{}, {"C": 10.0, "balanced": False}, {"C": 0.001}], ids=str)
def test_decision_function_matches_scikit_learn(options):
    x, y = table(150)
    y[:, 1] = torch.where(y[:, 1].isnan(), y[:, 1], 1.0)
    x = x * torch.arange(1, 7) + 5
    x[0, 0] = 1000.0  # clamped
    x[:, 3] = 0.1  # constant
    weight = torch.arange(150) % 3 / 2.0
    fresh = table(60, seed=1)[0] * torch.arange(1, 7) + 5
    for own in (None, weight):
        model = LogisticRegression(3, 6, **options)
        model.fit(x, y, weight=own)
        result = model(batch(fresh)).numpy()
        used = torch.ones(150, dtype=torch.bool) if own is None else own > 0
        std, mean = torch.std_mean(x[used].double(), dim=0, correction=0)
        std[3] = 1.0
        train, test = (((rows - mean.float()) / std.float()).clamp(-10, 10).double().numpy() for rows in (x, fresh))
        for task in (0, 2):
            known = (used & ~y[:, task].isnan()).numpy()
            reference = Reference(
                C=options.get("C", 0.01),
                class_weight="balanced" if options.get("balanced", True) else None,
                solver="newton-cholesky",
                tol=1e-10,
            )
            reference.fit(train[known], y[known, task].numpy(), None if own is None else own[known].double().numpy())
            np.testing.assert_allclose(result[:, task], reference.decision_function(test), rtol=0, atol=1e-5)
        assert set(result[:, 1]) == {0.0}


def test_a_wrong_C_is_rejected():
    for wrong in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="C must be a positive number"):
            LogisticRegression(1, 6, C=wrong)
