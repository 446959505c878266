import numpy as np
import pytest
import torch
from fitted_models import batch, reloaded, table
from scipy import sparse
from sklearn import ensemble

from xgraph.nn import MODELS, ExtraTrees, RandomForest
from xgraph.nn.tables.examples import Examples, task_seed
from xgraph.nn.tables.forest import sparse_columns

REFERENCE = {"forest": ensemble.RandomForestClassifier, "extra-trees": ensemble.ExtraTreesClassifier}
EACH = pytest.mark.parametrize("name", REFERENCE)


@EACH
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"min_samples_leaf": 4, "balanced": False},
        {"max_features": 0.5, "min_samples_leaf": 2},
        {"max_features": 1.0},
        {"max_features": "log2", "balanced": False},
    ],
    ids=str,
)
def test_probabilities_match_scikit_learn(name, options):
    x, y = table(150)
    y[:, 1] = torch.where(y[:, 1].isnan(), y[:, 1], 0.0)
    model = MODELS[name](3, 6, trees=20, **options)
    model.fit(x, y, seed=7, threads=2)
    fresh = table(60, seed=1)[0]
    result = torch.sigmoid(model(batch(fresh))).numpy()
    weight = "balanced" if options.get("balanced", True) else None
    kept = {key: value for key, value in options.items() if key != "balanced"}
    for task in (0, 2):
        known = ~y[:, task].isnan()
        reference = REFERENCE[name](20, class_weight=weight, random_state=task_seed(7, task), **kept)
        reference.fit(x[known].numpy(), y[known, task].numpy())
        expected = reference.predict_proba(fresh.numpy())[:, 1]
        np.testing.assert_allclose(result[:, task], expected, rtol=0, atol=1e-9)
        assert len(np.unique(expected)) > 5
    assert set(result[:, 1]) == {0.5}


def test_a_limit_keeps_the_rarer_class():
    y = torch.tensor([1.0] * 5 + [0.0] * 40 + [torch.nan] * 10)[torch.randperm(55)]

    def grown_on(most, seed, y=y):
        (one,) = Examples(torch.zeros(55, 6), y[:, None], None, torch.tensor([True]), seed, 1).tasks()
        some = RandomForest(1, 6, max_items=most)._grown_on(one)
        assert some.y.tolist() == y[some.items].tolist()
        return some.items

    rows = grown_on(20, seed=3)
    assert len(rows) == 20
    assert bool((rows.diff() > 0).all())
    assert (int((y[rows] == 1).sum()), int((y[rows] == 0).sum())) == (5, 15)
    assert torch.equal(rows, grown_on(20, seed=3))
    assert not torch.equal(rows, grown_on(20, seed=4))
    few = grown_on(6, seed=0, y=1 - y)
    assert (int((y[few] == 1).sum()), int((y[few] == 0).sum())) == (3, 3)
    assert len(grown_on(45, seed=0)) == 45
    x, labels = table(150, tasks=1, missing=0.0)
    some, every = RandomForest(1, 6, trees=3, max_items=30), RandomForest(1, 6, trees=3)
    for forest in (some, every):
        forest.fit(x, labels)
    assert len(some.trees.feature) < len(every.trees.feature)
    with pytest.raises(ValueError, match="max_items must be at least 2, got 1"):
        RandomForest(1, 6, max_items=1)


@EACH
def test_trees_on_counts_with_many_zeros_are_those_of_a_dense_table(name):
    g = torch.Generator().manual_seed(0)
    x = torch.poisson(torch.rand(400, 300, generator=g) ** 30, generator=g)
    x[:, :3] = torch.rand(400, 3, generator=g)  # nowhere zero
    y = (x[:, 0] + x[:, 3:40].sum(1) > 1).float()
    assert sparse.issparse(sparse_columns(x))
    assert not sparse.issparse(sparse_columns(x[:, :50]))
    weight = torch.rand(400, generator=g) + 0.1
    model = MODELS[name](1, 300, trees=20)
    model.fit(x, y, weight=weight, seed=7)
    reference = REFERENCE[name](20, class_weight="balanced", random_state=task_seed(7, 0))
    reference.fit(x.numpy(), y.numpy(), sample_weight=weight.numpy())
    share = torch.from_numpy(reference.predict_proba(x.numpy())[:, 1])
    torch.testing.assert_close(torch.sigmoid(model(batch(x)))[:, 0], share, rtol=0, atol=1e-9)


@EACH
def test_extreme_probabilities_keep_their_order(name):
    x, y = table(300, tasks=1, missing=0.0)
    model = MODELS[name](1, 6, trees=50)
    model.fit(x, y)
    logits = model(batch(x))[:, 0].numpy()
    reference = REFERENCE[name](50, class_weight="balanced", random_state=task_seed(0, 0)).fit(x.numpy(), y[:, 0])
    share = reference.predict_proba(x.numpy())[:, 1]
    assert {0.0, 1.0} <= set(share) or name == "forest"
    assert np.isfinite(logits).all()
    for a, b in ((share, logits), (share[::-1], logits[::-1])):
        assert np.array_equal(np.sign(np.subtract.outer(a, a).round(12)), np.sign(np.subtract.outer(b, b).round(9)))


def test_checkpoint_of_a_forest_is_compact():
    x, y = table(150)
    model = RandomForest(3, 6, trees=10)
    model.fit(x, y)
    kinds = {name: tensor.dtype for name, tensor in model.state_dict().items()}
    assert kinds.pop("learned") == torch.bool
    assert kinds.pop("trees.number") == torch.float64
    assert set(kinds.values()) == {torch.int32}
    assert torch.equal(reloaded(model, "forest", trees=10)(batch(x)), model(batch(x)))


def test_loading_a_different_number_of_features_fails():
    x, y = table()
    model = ExtraTrees(3, 6, trees=5)
    model.fit(x, y)
    with pytest.raises(RuntimeError, match="refers to a feature beyond num_features=2"):
        ExtraTrees(3, 2, trees=5).load_state_dict(model.state_dict())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trees": 0}, "trees must be at least 1, got 0"),
        ({"min_samples_leaf": 0}, "min_samples_leaf must be at least 1, got 0"),
        ({"max_features": 0.0}, r"max_features must be a fraction in \(0, 1\], or one of auto, sqrt, log2, got 0.0"),
        ({"max_features": 1.5}, "max_features must be a fraction .*got 1.5"),
        ({"max_features": "all"}, "max_features must be a fraction .*got 'all'"),
    ],
)
def test_invalid_options_are_rejected(options, message):
    with pytest.raises(ValueError, match=message):
        RandomForest(1, 6, **options)
