import copy

import pytest
import torch

from xgraph.nn import FeatureScale


def test_features_and_images():
    g = torch.Generator().manual_seed(0)
    for x in (torch.randn(50, 3, generator=g) * 5 + 2, torch.randn(20, 3, 4, 5, generator=g) * 5 + 2):
        dims = [d for d in range(x.dim()) if d != 1]
        scale = FeatureScale(3)
        assert torch.equal(scale(x), x)
        scale.fit(x.mean(dims), x.std(dims, correction=0))
        out = scale(x)
        torch.testing.assert_close(out.mean(dims), torch.zeros(3), atol=1e-5, rtol=0)
        torch.testing.assert_close(out.std(dims, correction=0), torch.ones(3))


def test_statistics_are_saved_but_not_trained():
    scale = FeatureScale(2)
    scale.fit(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]))
    assert list(scale.parameters()) == []
    other = FeatureScale(2)
    other.load_state_dict(scale.state_dict())
    x = torch.randn(5, 2)
    assert torch.equal(other(x), scale(x))
    assert torch.equal(copy.deepcopy(scale).double().mean, torch.tensor([1.0, 2.0]).double())
    assert repr(scale) == "FeatureScale(2)"


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        ([0.0], [1.0, 1.0], r"mean must have shape \[2\], got \[1\]"),
        ([0.0, 0.0], [1.0], "std must have shape"),
        ([0.0, torch.nan], [1.0, 1.0], "mean must be finite"),
        ([0.0, 0.0], [1.0, 0.0], "std must be finite and positive"),
    ],
)
def test_invalid_statistics_are_rejected(mean, std, message):
    with pytest.raises(ValueError, match=message):
        FeatureScale(2).fit(torch.tensor(mean), torch.tensor(std))


def test_wrong_number_of_features_is_rejected():
    with pytest.raises(ValueError, match=r"x must have shape \[n, 2, ...\], got \[5, 3\]"):
        FeatureScale(2)(torch.zeros(5, 3))
