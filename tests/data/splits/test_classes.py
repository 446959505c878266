import numpy as np
from numpy.testing import assert_array_equal

from xgraph.data.splits.classes import bag_classes, random_folds, random_parts

NAN = float("nan")


def test_numbers_are_stratified_by_tenths() -> None:
    y = np.random.default_rng(0).lognormal(size=(500, 1)).astype(np.float32)
    y[:20] = NAN
    classes = bag_classes(y)
    assert (classes[:20] == -1).all()
    assert_array_equal(np.bincount(classes[20:]), [50] * 8 + [80])
    order = np.argsort(y[20:, 0])
    assert (np.diff(classes[20:][order]) >= 0).all()
    for part in (random_parts(classes, (0.8, 0.1, 0.1), 0), random_folds(classes, 10, 0)):
        means = [np.log(y[20:][part[20:] == i]).mean() for i in range(3)]
        assert np.ptp(means) < 0.35
    assert_array_equal(np.bincount(random_parts(classes, (0.8, 0.1, 0.1), 0)), [400, 50, 50])


def test_few_numbers_and_several_tasks() -> None:
    assert len(np.unique(bag_classes(np.arange(1.0, 20, dtype=np.float32)[:, None]))) == 1
    two = np.stack([np.arange(40), 1000 * np.arange(40)], axis=1).astype(np.float32)
    two[::2, 0] = two[1::2, 1] = NAN
    assert_array_equal(bag_classes(two), np.repeat([0, 1, 2, 3], 10))
    ties = bag_classes(np.repeat([0.0, 5.0], [90, 10]).astype(np.float32)[:, None])
    assert len(np.unique(ties[:90])) == len(np.unique(ties[90:])) == 1
    assert ties[0] != ties[-1]


def test_labels_are_stratified_by_the_rarest_positive_task() -> None:
    y = np.array([[1, 1], [0, 1], [0, 0], [NAN, NAN]], np.float32)
    assert_array_equal(bag_classes(y), [1, 2, 0, -1])
