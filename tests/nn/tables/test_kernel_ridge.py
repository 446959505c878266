import numpy as np
import pytest
import torch
from fitted_models import batch, reloaded
from sklearn import kernel_ridge

from xgraph.nn import KernelRidge


def counts(n, seed=0):
    return torch.randint(0, 4, (n, 12), generator=torch.Generator().manual_seed(seed)).float()


def tanimoto(a, b):
    return np.array([[np.minimum(u, v).sum() / np.maximum(u, v).sum() for v in b] for u in a])


def gaussian(a, b, gamma):
    return np.exp(-gamma * np.square(a[:, None] - b[None]).sum(-1))


@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("kernel", ["tanimoto", "rbf", "linear"])
def test_scores_match_scikit_learn(kernel, weighted, balanced):
    x, fresh = counts(120), counts(40, seed=1)
    y = torch.stack([x[:, 0] > x[:, 1] + 1, x[:, 2] + x[:, 3] > 4], dim=1).float()
    y[::7, 0] = float("nan")
    weight = 1 + torch.arange(120) % 3 / 2.0 if weighted else None
    model = KernelRidge(2, 12, alpha=0.3, kernel=kernel, balanced=balanced)
    model.fit(x, y, weight=weight)
    result = model(batch(fresh)).numpy()
    a, b = x.double().numpy(), fresh.double().numpy()
    if kernel != "tanimoto":
        mean, std = a.mean(0), a.std(0)
        a, b = (a - mean) / std, (b - mean) / std
    for task in range(2):
        known = ~y[:, task].isnan().numpy()
        rows, labels = a[known], y[known, task].double().numpy()
        own = np.ones(len(rows)) if weight is None else weight[known].double().numpy()
        if balanced:
            own = own * np.where(labels == 1, len(rows) / 2 / labels.sum(), len(rows) / 2 / (1 - labels).sum())
        kernels = {
            "tanimoto": (tanimoto, ()),
            "rbf": (gaussian, (1 / (12 * rows.var()),)),
            "linear": (lambda u, v: u @ v.T, ()),
        }
        function, more = kernels[kernel]
        reference = kernel_ridge.KernelRidge(alpha=0.3, kernel="precomputed")
        reference.fit(function(rows, rows, *more), labels, sample_weight=own)
        expected = reference.predict(function(b, rows, *more))
        np.testing.assert_allclose(result[:, task], 4 * (expected - 0.5), rtol=0, atol=1e-5)


def test_saved_and_loaded_with_every_kernel():
    x = counts(80)
    for kernel in ("tanimoto", "rbf", "linear"):
        model = KernelRidge(1, 12, kernel=kernel)
        model.fit(x, (x[:, 0] > x[:, 1]).float())
        assert torch.equal(reloaded(model, "kernel-ridge", kernel=kernel)(batch(x)), model(batch(x)))


def test_an_item_unlike_all_others_has_the_score_of_inactives():
    x = torch.cat([counts(60), torch.zeros(60, 3)], dim=1)
    model = KernelRidge(1, 15)
    model.fit(x, (x[:, 0] > x[:, 1]).float())
    other = torch.zeros(1, 15)
    other[:, 12:] = 1
    assert model(batch(other)).tolist() == [[-2.0]]


def test_negative_counts_are_rejected():
    with pytest.raises(ValueError, match="features must not be negative with kernel='tanimoto'; use counts"):
        KernelRidge(1, 12).fit(counts(50) - 1, (counts(50)[:, 0] > 1).float())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 0.0}, "alpha must be a positive number, got 0.0"),
        ({"alpha": float("nan")}, "alpha must be a positive number, got nan"),
        ({"kernel": "poly"}, "kernel must be one of rbf, tanimoto, linear, got 'poly'"),
        ({"gamma": 0.0}, "gamma must be a positive number or 'scale', got 0.0"),
    ],
)
def test_invalid_options_are_rejected(options, message):
    with pytest.raises(ValueError, match=message):
        KernelRidge(1, 12, **options)
