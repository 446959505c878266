import numpy as np
import pytest
import torch

from xgraph.data import feature_statistics as function
from xgraph.data.storage.statistics import feature_statistics


def test_matches_numpy_over_the_selected_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(feature_statistics.__globals__, "_CHUNK", 7)
    features = torch.randn(100, 5, generator=torch.Generator().manual_seed(0)) * torch.tensor([1, 10, 1e4, 1e-4, 1.0])
    features += torch.tensor([0.0, 1e3, -5e3, 1.0, 99.0])
    rows = torch.randperm(100, generator=torch.Generator().manual_seed(1))[:61]
    mean, std = feature_statistics(features, rows)
    chosen = features[rows].double().numpy()
    assert mean.dtype == std.dtype == torch.float32
    np.testing.assert_allclose(mean, chosen.mean(0), rtol=1e-6)
    np.testing.assert_allclose(std, chosen.std(0), rtol=1e-6)


def test_constant_feature_has_standard_deviation_one() -> None:
    features = torch.full((10_001, 3), 0.1)  # whose mean rounds to another number
    features[:, 2] = 0
    features[5, 1] = 0.3
    mean, std = feature_statistics(features, torch.arange(10_001))
    assert std[0] == std[2] == 1
    assert 0 < std[1] < 0.01
    assert mean[0] == torch.tensor(0.1)
    assert feature_statistics(features, torch.tensor([7, 3]))[1].tolist() == [1, 1, 1]


def test_deviations_too_small_for_a_float() -> None:
    features = torch.tensor([[0.0], [1e-45]])
    assert feature_statistics(features, torch.arange(2))[1].item() > 0


def test_no_rows() -> None:
    assert function is feature_statistics
    with pytest.raises(ValueError, match="positions is empty"):
        feature_statistics(torch.ones(3, 2), torch.tensor([], dtype=torch.long))
