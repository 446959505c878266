import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from xgraph.options import OptionError
from xgraph.training.scoring.calibrators import Calibrator, asked_figures


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sample(n=400, seed=0):
    """Logits that are three times as large as those of the true probabilities."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    return (rng.random(n) < sigmoid(z)).astype(float), sigmoid(3 * z), z


def test_the_temperature_minimises_the_cross_entropy():
    y, s, _ = sample()
    logits = np.log(s / (1 - s))
    best = minimize_scalar(lambda t: np.logaddexp(0, np.where(y == 1, -1, 1) * logits / t).mean(), (0.5, 5)).x
    assert 2 < best < 4.5  # the true one is 3
    np.testing.assert_allclose(
        Calibrator(y, s, "temperature").probabilities(s)[:, 0], sigmoid(logits / best), rtol=1e-4
    )


def test_the_temperature_of_classes_minimises_the_cross_entropy_and_keeps_unseen_classes_at_0():
    rng = np.random.default_rng(1)
    z = rng.normal(size=(300, 4)) * 3
    s = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    label = np.array([rng.choice(3, p=row[:3] ** 0.5 / (row[:3] ** 0.5).sum()) for row in s])  # the last one is absent

    def loss(t):
        own = np.log(s[:, :3]) / t
        return (np.log(np.exp(own).sum(1)) - own[np.arange(300), label]).mean()

    t = minimize_scalar(loss, (0.5, 5)).x
    found = Calibrator(np.eye(4)[label], s, "temperature", several_classes=True).probabilities(s)
    own = np.exp(np.log(s[:, :3]) / t)
    np.testing.assert_allclose(found[:, :3], own / own.sum(1, keepdims=True), rtol=1e-4)
    assert (found[:, 3] == 0).all()


def pool_adjacent(y):
    """The isotonic fit to labels in the order of their scores."""
    blocks = []
    for value in y:
        blocks.append([float(value), 1])
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            (a, n), (b, m) = blocks[-2:]
            blocks[-2:] = [[(a * n + b * m) / (n + m), n + m]]
    return np.repeat([b[0] for b in blocks], [b[1] for b in blocks])


def test_isotonic_probabilities_pool_adjacent_violators():
    y, s, _ = sample(60, 2)
    order = np.argsort(s)
    found = Calibrator(y, s, "isotonic").probabilities(s)[:, 0]
    np.testing.assert_allclose(found[order], pool_adjacent(y[order]), atol=1e-9)
    assert len(np.unique(found)) < 60  # it makes ties


def test_tasks_are_fitted_apart_without_missing_labels_and_one_class_has_no_probabilities():
    y, s, _ = sample()
    labels, scores = np.stack([y, np.ones_like(y), y], 1), np.stack([s, s, s[::-1]], 1)
    labels[::3, 0] = np.nan
    fitted = Calibrator(labels, scores, "temperature")
    assert fitted.lacking == [1]
    found = fitted.probabilities([[0.9, 0.9, 0.9], [np.nan, 0.2, 0.1]])
    known = ~np.isnan(labels[:, 0])
    assert found[0, 0] == Calibrator(y[known], s[known], "temperature").probabilities([0.9])[0, 0]
    assert np.isnan(found[:, 1]).all()
    assert np.isnan(found[1, 0])
    assert not np.isnan(found[1, 2])


@pytest.mark.parametrize("how", ["temperature", "isotonic"])
def test_extreme_scores_stay_finite_and_order_is_kept(how):
    s = np.array([0.0, 1e-320, 0.1, 0.5, 0.9, 1.0])
    found = Calibrator([0, 1, 0, 0, 1, 1], s, how).probabilities(s)[:, 0]
    assert np.isfinite(found).all()
    assert (np.diff(found) >= 0).all()
    assert Calibrator([0, 1], [0.2, 0.7], how).probabilities(np.empty((0, 1))).shape == (0, 1)


def test_asked_figures_say_what_calibration_gains():
    y, s, _ = sample()
    new, own, _ = sample(4000, 3)
    figures = asked_figures((y, s), new, own, 0.2, "temperature")
    assert figures["ece_temperature"] < figures["ece"] / 2
    assert figures["brier_temperature"] < figures["brier"]
    assert abs(figures["coverage"] - 0.8) < 0.06
    assert set(figures) == {
        *("coverage", "coverage_0", "coverage_1", "set_size"),
        *("brier", "ece", "brier_temperature", "ece_temperature"),
    }


def test_an_unknown_way_is_refused():
    with pytest.raises(OptionError, match=r"calibrate = 'isotonc': expected temperature or isotonic"):
        Calibrator([0, 1], [0.1, 0.9], "isotonc")
