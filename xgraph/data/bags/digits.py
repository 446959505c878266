"""Bags that need no download, from the handwritten digits included in scikit-learn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from xgraph.data.published.bags import BagArrays
from xgraph.data.published.given import PARTS

_BAGS = {"train": 300, "valid": 100, "test": 100}
_SHARES = (0.6, 0.8)  # cumulative fractions of the images for train and valid
_POSITIVE = 5  # every fifth bag is positive
_SIZES = (5, 20)
_NINE = 9


def digits_bags() -> BagArrays:
    """Create 500 bags of 5 to 20 of scikit-learn's 1,797 digits; one bag in five contains one or two nines."""
    # Train, valid and test share no images: they use 60, 20 and 20 % of each digit. Within a part, bags are drawn
    # independently, so an image may be in several bags, once in each.
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise FileNotFoundError(
            "digits-bags needs the images included in scikit-learn: pip install scikit-learn"
        ) from error
    digits = load_digits()
    # RandomState gives the same numbers in every NumPy release; a Generator may not.
    random = np.random.RandomState(0)
    pools: dict[str, list[list[int]]] = {part: [] for part in PARTS}
    for digit in range(10):
        order = random.permutation(np.flatnonzero(digits.target == digit))
        cuts = [round(share * len(order)) for share in _SHARES]
        for part, pool in zip(PARTS, np.split(order, cuts), strict=True):
            pools[part].append(pool.tolist())
    chosen, labels = [], []
    for part in PARTS:
        others, nines = np.concatenate(pools[part][:_NINE]), pools[part][_NINE]
        for bag in range(_BAGS[part]):
            size = random.randint(_SIZES[0], _SIZES[1] + 1, dtype=np.int64)
            held = random.randint(1, 3, dtype=np.int64) if bag % _POSITIVE == 0 else 0
            images = np.concatenate(
                [random.choice(others, size - held, replace=False), random.choice(nines, held, replace=False)]
            )
            chosen.append(random.permutation(images).astype(np.int64))
            labels.append(float(held > 0))
    rows = np.concatenate(chosen)
    ends = np.cumsum([0, *_BAGS.values()])
    return BagArrays(
        x=(digits.images[rows, None] / 16).astype(np.float32),
        bag_ptr=np.cumsum([0, *map(len, chosen)]),
        y=np.array(labels, dtype=np.float32)[:, None],
        task_names=["nine"],
        instance_y=(digits.target[rows] == _NINE).astype(np.float32)[:, None],
        parts={part: np.arange(ends[i], ends[i + 1]) for i, part in enumerate(PARTS)},
    )


EMBEDDED_BAGS: dict[str, Callable[[], BagArrays]] = {"digits_bags": digits_bags}
