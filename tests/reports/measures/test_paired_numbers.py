import numpy as np

from xgraph.reports.measures.paired_numbers import ERRORS, bootstrap_numbers
from xgraph.training.scoring.numbers import score_numbers


def test_the_bootstrap_of_numbers_surrounds_their_metrics() -> None:
    random = np.random.default_rng(0)
    y = 1000 + random.normal(size=(150, 2))
    y[::5, 1] = np.nan
    runs = [y.copy(), y.copy()]
    for own, deviation in zip(runs, (0.3, 0.6), strict=True):
        own[:] = np.nan_to_num(own, nan=1000.0) + deviation * random.normal(size=y.shape)
    draws, exact = bootstrap_numbers(y, runs)
    for own, values in zip(runs, exact, strict=True):
        expected = score_numbers(y, own)
        np.testing.assert_allclose(values, [expected[name] for name in ERRORS], rtol=1e-7)
    low, high = np.quantile(draws[:, 1] - draws[:, 0], [0.025, 0.975], axis=0)
    assert (low[:2] > 0).all()  # the second one has the larger errors
    assert high[2] < 0
    assert ((low < exact[1] - exact[0]) & (exact[1] - exact[0] < high)).all()


def test_equal_numbers_have_no_r2() -> None:
    _, exact = bootstrap_numbers(np.full((4, 1), 3.0), [np.array([[3.0], [4.0], [3.0], [2.0]])])
    np.testing.assert_allclose(exact[0, :2], [0.5**0.5, 0.5])
    assert np.isnan(exact[0, 2])
