import numpy as np
import pytest

from xgraph.data.bags.splits import bag_classes, bag_split


def test_every_part_gets_its_fraction_of_rare_labels() -> None:
    y = np.zeros((1000, 3), dtype=np.float32)
    y[:50, 0] = y[30:230, 1] = 1
    y[400:410] = np.nan
    y[410:420, 2] = np.nan  # some labels are known
    for seed in (0, 1):
        parts = bag_split(y, seed)
        assert sorted(np.concatenate(list(parts.values())).tolist()) == [i for i in range(1000) if not 400 <= i < 410]
        assert [int(np.nansum(y[bags, 0])) for bags in parts.values()] == [30, 10, 10]
        counts = [int(np.nansum(y[bags, 1])) for bags in parts.values()]
        assert counts == pytest.approx([120, 40, 40], abs=8)
    assert bag_split(y, 0)["test"].tolist() != bag_split(y, 1)["test"].tolist()


def test_bags_are_stratified_by_their_rarest_task() -> None:
    y = np.array([[1, 1, 0], [1, 0, 0], [1, 0, 1], [0, np.nan, 0], [1, 1, 0], [np.nan] * 3])
    assert bag_classes(y).tolist() == [2, 1, 3, 0, 2, -1]
    assert bag_classes(np.empty((2, 0))).tolist() == [-1, -1]
