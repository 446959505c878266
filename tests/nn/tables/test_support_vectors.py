import numpy as np
import pytest
import torch
from fitted_models import batch, reloaded, table
from sklearn.svm import SVC

from xgraph.nn import SVM
from xgraph.nn.tables.kernels import tanimoto


def counts(n, channels=12, seed=0):
    g = torch.Generator().manual_seed(seed)
    return torch.randint(0, 4, (n, channels), generator=g).float()


@pytest.mark.parametrize(
    "options",
    [{}, {"C": 10.0, "balanced": False}, {"gamma": 0.5}, {"C": 0.1, "gamma": 2.0, "balanced": False}],
    ids=str,
)
def test_decision_function_matches_scikit_learn(options):
    x, y = table(150)
    y[:, 1] = torch.where(y[:, 1].isnan(), y[:, 1], 1.0)
    x = x * torch.arange(1, 7) + 5
    x[0, 0] = 1000.0  # clipped
    model = SVM(3, 6, **options)
    model.fit(x, y)
    fresh = table(60, seed=1)[0] * torch.arange(1, 7) + 5
    result = model(batch(fresh)).numpy()
    mean, std = x.double().mean(0).float(), x.double().std(0, correction=0).float()
    train, test = (((rows - mean) / std).clamp(-10, 10).double().numpy() for rows in (x, fresh))
    assert train.max() > 9.9
    for task in (0, 2):
        known = ~y[:, task].isnan().numpy()
        reference = SVC(
            C=options.get("C", 1.0),
            gamma=options.get("gamma", "scale"),
            class_weight="balanced" if options.get("balanced", True) else None,
            tol=1e-6,
        ).fit(train[known], y[:, task].numpy()[known])
        np.testing.assert_allclose(result[:, task], reference.decision_function(test), rtol=0, atol=1e-5)
    assert set(result[:, 1]) == {0.0}


def test_decision_function_with_the_tanimoto_kernel():
    x, fresh = counts(150), counts(40, seed=1)
    y = torch.stack([x[:, 0] > x[:, 1], x[:, 2] + x[:, 3] > 4], dim=1).float()
    y[::7, 0] = float("nan")
    model = SVM(2, 12, kernel="tanimoto", C=3.0)
    model.fit(x, y)
    result = model(batch(fresh)).numpy()
    for task in range(2):
        known = ~y[:, task].isnan()

        def kernel(a, b):
            return tanimoto(torch.from_numpy(a), torch.from_numpy(b)).numpy()

        reference = SVC(C=3.0, kernel=kernel, class_weight="balanced", tol=1e-6)
        reference.fit(x[known].numpy(), y[known, task].numpy())
        np.testing.assert_allclose(result[:, task], reference.decision_function(fresh.numpy()), rtol=0, atol=1e-5)
    assert model.scale is None


def test_decision_function_with_the_linear_kernel():
    x, y = table(100, tasks=1, missing=0.0)
    model = SVM(1, 6, kernel="linear", C=0.5)
    model.fit(x, y)
    reference = SVC(C=0.5, kernel="linear", class_weight="balanced", tol=1e-6)
    std, mean = torch.std_mean(x.double(), dim=0, correction=0)
    reference.fit(((x - mean) / std).numpy(), y[:, 0].numpy())
    expected = reference.decision_function(((x - mean) / std).numpy())
    np.testing.assert_allclose(model(batch(x))[:, 0].numpy(), expected, rtol=0, atol=1e-5)


def test_shared_support_vectors_are_stored_once():
    x, y = table(100, missing=0.0)
    y = torch.cat([y, y], dim=1)
    model = SVM(6, 6)
    model.fit(x, y)
    assert len(model.vectors) <= 100
    assert len(model.vectors) == int((model.weight != 0).any(1).sum())
    torch.testing.assert_close(model(batch(x))[:, :3], model(batch(x))[:, 3:])


def test_constant_feature():
    x, y = table(100)
    x[:, 2] = 4.0
    model = SVM(3, 6)
    model.fit(x, y)
    assert bool(model(batch(x)).isfinite().all())


def test_both_kernels_can_be_saved_and_loaded():
    x = counts(80)
    y = (x[:, :1] > x[:, 1:2]).float()
    for options in ({}, {"kernel": "tanimoto"}):
        model = SVM(1, 12, **options)
        model.fit(x, y)
        assert torch.equal(reloaded(model, "svm", **options)(batch(x)), model(batch(x)))


def test_usual_features_depend_on_the_kernel():
    assert SVM.usual_features({"kernel": "rbf"}) == ["rdkit", "morgan", "maccs"]
    assert SVM.usual_features({"kernel": "tanimoto"}) == ["morgan"]


def test_negative_counts_are_rejected():
    x, y = table()
    with pytest.raises(ValueError, match="features must not be negative with kernel='tanimoto'"):
        SVM(3, 6, kernel="tanimoto").fit(x, y)
    model = SVM(1, 12, kernel="tanimoto")
    model.fit(counts(50), (counts(50)[:, 0] > 1).float())
    with pytest.raises(ValueError, match="features must not be negative"):
        model(batch(-counts(5)))


def test_too_many_items_are_rejected(monkeypatch):
    monkeypatch.setattr("xgraph.nn.tables.kernel_model._MOST", 79)
    x, y = table()
    with pytest.raises(ValueError, match="SVM needs at most 79 items, got 80"):
        SVM(3, 6).fit(x, y)


def test_damaged_state_is_rejected():
    x, y = table()
    model = SVM(3, 6)
    model.fit(x, y)
    for name in ("vectors", "weight", "bias", "gammas"):
        state = model.state_dict()
        state[name] = state[name][..., :-1]
        with pytest.raises(RuntimeError, match=f"{name} has shape"):
            SVM(3, 6).load_state_dict(state)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"C": 0.0}, "C must be a positive number, got 0.0"),
        ({"C": float("inf")}, "C must be a positive number, got inf"),
        ({"kernel": "poly"}, "kernel must be one of rbf, tanimoto, linear, got 'poly'"),
        ({"gamma": -1.0}, "gamma must be a positive number or 'scale', got -1.0"),
        ({"gamma": "auto"}, "gamma must be a positive number or 'scale', got 'auto'"),
    ],
)
def test_invalid_options_are_rejected(options, message):
    with pytest.raises(ValueError, match=message):
        SVM(1, 6, **options)
