"""Models of tables on continuous targets, against scikit-learn and closed forms."""

import copy

import numpy as np
import pytest
import torch
from fitted_models import batch, through_a_file
from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor
from sklearn.svm import SVR

from xgraph.nn import MODELS, LogisticRegression, RandomForest
from xgraph.nn.tables.examples import task_seed

SMALL = {
    "forest": {"trees": 7},
    "extra-trees": {"trees": 7},
    "svm": {},
    "kernel-ridge": {"kernel": "rbf", "alpha": 0.1},
}
EACH = pytest.mark.parametrize("name", SMALL)
CENTRE, WIDTH = torch.tensor([-300.0, 5.0, 2e-3]), torch.tensor([40.0, 1.0, 1e-4])


def numbers(n=150, seed=0, missing=0.3):
    """Features and numbers of three tasks in different units; some are missing."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 6, generator=g)
    y = torch.stack([x[:, t] - x[:, t + 1] ** 2 for t in range(3)], dim=1) * WIDTH + CENTRE
    y[torch.rand(n, 3, generator=g) < missing] = float("nan")
    return x, y


def make(name, tasks=3, **options):
    model = MODELS[name](tasks, 6, **{**SMALL[name], **options})
    model.predict_numbers()
    return model


def fitted(name, x, y, **how):
    model = make(name, tasks=y.size(1))
    model.fit(x, y, **how)
    return model(batch(x))


def standardised(x):
    return ((x - x.mean(0)) / x.std(0, correction=0)).clamp(-10, 10).double().numpy()


@EACH
def test_numbers_are_learned_in_their_units(name):
    x, y = numbers(400)
    model = make(name, **({"trees": 30} if "trees" in SMALL[name] else {}))
    model.fit(x, y)
    fresh, expected = numbers(400, seed=1, missing=0.0)
    result = model(batch(fresh))
    assert (result.shape, result.dtype) == ((400, 3), torch.float64)
    error = (result - expected).square().mean(0).sqrt() / expected.std(0)
    assert bool((error < 0.7).all()), error


@pytest.mark.parametrize(
    ("name", "reference", "options"),
    [
        ("forest", RandomForestRegressor, {}),
        ("forest", RandomForestRegressor, {"max_features": 0.5, "min_samples_leaf": 3}),
        ("extra-trees", ExtraTreesRegressor, {"min_samples_leaf": 2}),
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_forests_predict_as_scikit_learn(name, reference, options, weighted):
    x, y = numbers()
    fresh = numbers(60, seed=1)[0]
    weight = torch.arange(150) % 3 + 0.5 if weighted else None
    model = make(name, trees=15, **options)
    model.fit(x, y, seed=7, threads=2, weight=weight)
    for task in range(3):
        known = ~y[:, task].isnan()
        mean, std = (
            float(statistic.float()) for statistic in torch.std_mean(y[known, task].double(), correction=0)[::-1]
        )
        target = (y[known, task].double().numpy() - mean) / std
        forest = reference(15, random_state=task_seed(7, task), **{"max_features": 1 / 3, **options})
        forest.fit(x[known].numpy(), target, sample_weight=None if weight is None else weight[known].numpy())
        expected = forest.predict(fresh.numpy())
        np.testing.assert_allclose((model(batch(fresh))[:, task].numpy() - mean) / std, expected, rtol=0, atol=1e-9)
        assert len(np.unique(expected)) > 10


@pytest.mark.parametrize("options", [{}, {"C": 5.0, "epsilon": 0.01}, {"kernel": "linear", "epsilon": 0.5}], ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_support_vectors_predict_as_scikit_learn(options, weighted):
    x, y = numbers()
    weight = torch.arange(150) % 3 + 0.5 if weighted else None
    model = make("svm", **options)
    model.fit(x, y, weight=weight)
    rows, result = standardised(x), model(batch(x))
    for task in range(3):
        known = ~y[:, task].isnan().numpy()
        target = y[:, task].double().numpy()[known]
        mean, std = target.mean(), target.std()
        machine = SVR(tol=1e-6, **options)
        machine.fit(rows[known], (target - mean) / std, None if weight is None else weight.numpy()[known])
        np.testing.assert_allclose((result[:, task].numpy() - mean) / std, machine.predict(rows), rtol=0, atol=1e-4)


@pytest.mark.parametrize("weighted", [False, True])
def test_kernel_ridge_is_its_closed_form(weighted):
    x, y = numbers()
    weight = torch.arange(150) % 3 + 0.5 if weighted else torch.ones(150)
    model = make("kernel-ridge", alpha=0.3, gamma=0.2)
    model.fit(x, y, weight=weight if weighted else None)
    rows, result = standardised(x), model(batch(x))
    kernel = np.exp(-0.2 * np.square(rows[:, None] - rows[None]).sum(-1))
    for task in range(3):
        known = ~y[:, task].isnan().numpy()
        target = y[:, task].double().numpy()[known]
        mean, std = target.mean(), target.std()
        inverse = np.diag(0.3 / weight.double().numpy()[known])  # the penalty by the weight of an item
        dual = np.linalg.solve(kernel[np.ix_(known, known)] + inverse, (target - mean) / std)
        np.testing.assert_allclose((result[:, task].numpy() - mean) / std, kernel[:, known] @ dual, rtol=0, atol=1e-4)


@EACH
def test_a_task_of_equal_numbers_is_predicted_by_that_number(name):
    x, y = numbers()
    y[:, 1] = torch.where(y[:, 1].isnan(), y[:, 1], 0.1)
    y[:, 2] = float("nan")
    model = make(name)
    model.fit(x, y)
    assert model.learned.tolist() == [True, False, False]
    result = model(batch(x))
    assert set(result[:, 1].float().tolist()) == {y[:, 1].nan_to_num(0.1)[0].item()}
    assert set(result[:, 2].tolist()) == {0.0}
    assert len(result[:, 0].unique()) > 10


@EACH
def test_missing_numbers_and_weights_of_zero_are_left_out(name):
    x, y = numbers()
    known, y = ~y[:, 0].isnan(), y[:, :1]
    weight = torch.arange(150) % 3 / 2.0
    used = weight > 0
    without = fitted(name, x, y)
    order = torch.cat([known.nonzero(), (~known).nonzero()]).flatten()  # all rows count for the features' deviations
    torch.testing.assert_close(without[order], fitted(name, x[order], y[order]))
    with_weights = fitted(name, x, y, weight=weight)
    torch.testing.assert_close(with_weights[used], fitted(name, x[used], y[used], weight=weight[used]))
    assert not torch.allclose(with_weights, without)


@pytest.mark.parametrize("name", ["svm", "kernel-ridge"])  # trees break ties by the last digits
def test_the_units_of_the_numbers_do_not_matter(name):
    x, y = numbers()
    torch.testing.assert_close(fitted(name, x, 7 * y + 1e4), 7 * fitted(name, x, y) + 1e4, rtol=1e-4, atol=1e-3)


@EACH
def test_seed_and_threads(name):
    x, y = numbers()
    one, two, other = (fitted(name, x, y, seed=seed, threads=threads) for seed, threads in ((0, 1), (0, 3), (5, 2)))
    assert torch.equal(one, two)
    assert torch.equal(one, other) == ("trees" not in SMALL[name])


@EACH
def test_the_state_holds_the_whole_fit(name):
    x, y = numbers()
    model = make(name)
    model.fit(x, y)
    expected = model(batch(x))
    other = make(name)
    other.load_state_dict(through_a_file(model.state_dict()))
    assert torch.equal(other(batch(x)), expected)
    assert torch.equal(copy.deepcopy(model)(batch(x)), expected)
    assert not list(model.parameters())
    model.fit(*numbers(80, seed=3))  # replaces the earlier fit, its units too
    assert torch.equal(model(batch(x)), _fresh(name, *numbers(80, seed=3))(batch(x)))
    damaged = {name: value for name, value in other.state_dict().items() if name != "target_scale.std"}
    with pytest.raises(RuntimeError, match=r"Missing key.*target_scale\.std"):
        make(name).load_state_dict(damaged)
    with pytest.raises(RuntimeError, match=r"Unexpected key.*target_scale"):
        MODELS[name](3, 6, **SMALL[name]).load_state_dict(other.state_dict())


def _fresh(name, x, y):
    model = make(name)
    model.fit(x, y)
    return model


def test_a_limit_draws_items_at_random():
    x, y = numbers(missing=0.0)
    some, every = (make("forest", tasks=1, max_items=most) for most in (30, None))
    for model in (some, every):
        model.fit(x, y[:, :1])
    assert len(some.trees.feature) < len(every.trees.feature) / 3
    again = make("forest", tasks=1, max_items=30)
    again.fit(x, y[:, :1])
    assert torch.equal(again(batch(x)), some(batch(x)))
    again.fit(x, y[:, :1], seed=1)
    assert not torch.equal(again(batch(x)), some(batch(x)))


def test_trees_on_counts_with_many_zeros_predict_as_those_of_a_dense_table(monkeypatch):
    g = torch.Generator().manual_seed(0)
    x = torch.poisson(torch.rand(300, 300, generator=g) ** 30, generator=g)
    x[:, :3] = torch.rand(300, 3, generator=g)
    y = x[:, :1] + x[:, 3:40].sum(1, keepdim=True)
    result = []
    for filled in (0.03, -1.0):
        monkeypatch.setattr("xgraph.nn.tables.forest._FILLED", filled)
        model = RandomForest(1, 300, trees=20)
        model.predict_numbers()
        model.fit(x, y)
        result.append(model(batch(x)))
    torch.testing.assert_close(result[0], result[1], rtol=0, atol=0.3 * float(y.std()))


def test_large_and_distant_numbers():
    x, _ = numbers(80)
    y = 1e38 * x[:, :1].sign()
    assert bool(fitted("forest", x, y).isfinite().all())
    assert float(fitted("forest", x, 1e6 + x[:, :1]).min()) > 1e6 - 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": torch.full((150, 3), float("inf"))}, "y must be finite in float32, or NaN"),
        ({"y": torch.full((150, 3), 1e300, dtype=torch.float64)}, "y must be finite in float32, or NaN"),
        ({"y": torch.ones(150, 3)}, "y must have two different numbers in at least one task"),
        ({"y": torch.full((150, 3), float("nan"))}, "y must have two different numbers in at least one task"),
        ({"y": torch.zeros(150, 2)}, r"y must have shape \[150, 3\], got \[150, 2\]"),
        ({"features": torch.ones(150, 6)}, "features are the same for all 150 items"),
    ],
)
def test_what_cannot_be_fitted_is_refused(change, message):
    x, y = numbers()
    with pytest.raises(ValueError, match=message):
        make("forest").fit(**{"features": x, "y": y, **change})


def test_classes_are_still_required_without_numbers():
    x, y = numbers()
    with pytest.raises(ValueError, match="y must be 0, 1 or NaN"):
        RandomForest(3, 6).fit(x, y)
    with pytest.raises(ValueError, match=r"cannot predict numbers; use forest, extra-trees, svm, kernel-ridge or mlp"):
        LogisticRegression(3, 6).predict_numbers()
    with pytest.raises(ValueError, match=r"epsilon must lie in \[0, "):
        make("svm", epsilon=-0.1)
