import pytest
import torch
from fitted_models import batch, reloaded, table

from xgraph.nn import MODELS
from xgraph.nn.tables.examples import task_seed
from xgraph.options import options_of

SMALL = {
    "forest": {"trees": 7},
    "extra-trees": {"trees": 7},
    "svm": {},
    "logistic": {},
    "kernel-ridge": {"kernel": "rbf"},
}
EACH = pytest.mark.parametrize("name", SMALL)


def make(name, tasks=3, channels=6, **options):
    return MODELS[name](tasks, channels, **{**SMALL[name], **options})


@EACH
def test_model_is_registered_with_a_repr(name):
    cls = MODELS[name]
    text = repr(make(name))
    assert text.startswith(f"{cls.__name__}(3, 6, ")
    assert all(f"{option.name}=" in text for option in options_of(cls))
    assert all(option.help for option in options_of(cls))


@EACH
def test_learns(name):
    x, y = table(400)
    model = make(name)
    model.fit(x, y)
    fresh, labels = table(400, seed=1, missing=0.0)
    result = model(batch(fresh))
    assert result.shape == (400, 3)
    assert result.dtype == torch.float64
    assert bool((((result > 0) == (labels == 1)).float().mean(0) > 0.75).all())


@EACH
def test_task_with_one_class_has_logit_zero(name):
    x, y = table(tasks=4)
    y[:, 1] = torch.where(y[:, 1].isnan(), y[:, 1], 1.0)
    y[:, 2] = float("nan")
    model = make(name, tasks=4)
    model.fit(x, y)
    assert model.learned.tolist() == [True, False, False, True]
    logits = model(batch(x))
    assert logits[:, [1, 2]].tolist() == [[0.0, 0.0]] * len(x)
    assert bool((logits[:, [0, 3]] != 0).any(0).all())


@EACH
def test_weights_count_as_in_scikit_learn(name):
    x, y = table(120, missing=0.0)
    weight = torch.arange(len(x)) % 3 / 2.0
    fits = {}
    used = weight > 0
    for key, (rows, labels, own) in {
        "none": (x, y, None),
        "ones": (x, y, torch.ones(len(x))),
        "all": (x, y, weight),
        "used": (x[used], y[used], weight[used]),
    }.items():
        model = make(name)
        model.fit(rows, labels, weight=own)
        fits[key] = model(batch(x))
    torch.testing.assert_close(fits["ones"], fits["none"])
    torch.testing.assert_close(fits["all"], fits["used"])
    assert not torch.allclose(fits["all"], fits["none"])
    with pytest.raises(ValueError, match="weight must hold 120 finite numbers of 0 or more"):
        make(name).fit(x, y, weight=-weight)


@EACH
def test_missing_labels_are_ignored(name):
    x, y = table(tasks=1)
    known = ~y[:, 0].isnan()
    ours, theirs = make(name, tasks=1), make(name, tasks=1)
    ours.fit(x, y)
    theirs.fit(torch.cat([x[known], x[~known]]), torch.cat([y[known], y[~known]]))
    torch.testing.assert_close(ours(batch(x)), theirs(batch(x)))


@EACH
def test_seed_and_threads(name):
    x, y = table(200)
    result = []
    for seed, threads in ((0, 1), (0, 3), (5, 2)):
        model = make(name)
        model.fit(x, y, seed=seed, threads=threads)
        result.append(model(batch(x)))
    assert torch.equal(result[0], result[1])
    assert torch.equal(result[0], result[2]) == (name in ("svm", "logistic", "kernel-ridge"))


@EACH
def test_global_random_state_is_not_changed(name):
    before = torch.get_rng_state()
    x, y = table()
    make(name).fit(x, y)
    assert torch.equal(torch.get_rng_state(), before)


@EACH
def test_state_dict_holds_the_whole_fit(name):
    x, y = table()
    model = make(name)
    model.fit(x, y)
    other = reloaded(model, name, **SMALL[name])
    assert torch.equal(other(batch(x)), model(batch(x)))
    assert not list(model.parameters())
    other.load_state_dict(make(name).state_dict())  # an empty one again
    with pytest.raises(ValueError, match="not fitted yet"):
        other(batch(x))


@EACH
def test_refitting_replaces_the_earlier_fit(name):
    x, y = table()
    model, fresh = make(name), make(name)
    model.fit(*table(50, seed=3))
    model.fit(x, y)
    fresh.fit(x, y)
    assert torch.equal(model(batch(x)), fresh(batch(x)))


@EACH
def test_batches_of_one_row_and_no_rows(name):
    x, y = table()
    model = make(name)
    model.fit(x, y)
    torch.testing.assert_close(model(batch(x[3:4])), model(batch(x))[3:4])
    assert model(batch(x[:0])).shape == (0, 3)


def test_labels_of_a_single_task_may_be_a_vector():
    x, y = table(tasks=1)
    model, other = make("svm", tasks=1), make("svm", tasks=1)
    model.fit(x, y)
    other.fit(x, y[:, 0])
    assert torch.equal(model(batch(x)), other(batch(x)))


@EACH
def test_progress_counts_tasks(name):
    x, y = table()
    y[:, 1] = 0
    seen = []
    make(name).fit(x, y, progress=lambda *step: seen.append(step))
    assert seen[-1] == (3, 3, "fitting")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": torch.zeros(80, 5)}, r"features must have shape \[B, 6\], got \[80, 5\]"),
        ({"features": torch.full((80, 6), float("nan"))}, "features must be finite"),
        ({"features": torch.full((80, 6), 1e300, dtype=torch.float64)}, "features must be finite in float32"),
        ({"features": torch.ones(80, 6)}, "features are the same for all 80 items"),
        ({"y": torch.zeros(80, 2)}, r"y must have shape \[80, 3\], got \[80, 2\]"),
        ({"y": torch.full((80, 3), 0.5)}, "y must be 0, 1 or NaN"),
        ({"y": torch.zeros(80, 3)}, "labels of both classes in at least one task"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"threads": 0}, "threads must be at least 1, got 0"),
    ],
)
def test_invalid_training_data_is_rejected(change, message):
    x, y = table()
    with pytest.raises(ValueError, match=message):
        make("forest").fit(**{"features": x, "y": y, **change})


@EACH
def test_invalid_batches_are_rejected(name):
    x, y = table()
    model = make(name)
    with pytest.raises(ValueError, match="not fitted yet"):
        model(batch(x))
    model.fit(x, y)
    with pytest.raises(ValueError, match="the batch has no features"):
        model(batch(None))
    with pytest.raises(ValueError, match=r"features must have shape \[B, 6\], got \[80, 3\]"):
        model(batch(x[:, :3]))
    with pytest.raises(ValueError, match="features must be finite"):
        model(batch(x / 0))


def test_counts_below_one():
    for arguments, message in (((0, 6), "num_tasks must be at least 1"), ((1, 0), "num_features must be at least 1")):
        with pytest.raises(ValueError, match=message):
            MODELS["forest"](*arguments)


def test_seeds_of_tasks():
    seeds = {task_seed(seed, task) for seed in (0, 1, 2**63 - 1) for task in range(4)}
    assert len(seeds) == 12
    assert all(0 <= seed < 2**32 for seed in seeds)
