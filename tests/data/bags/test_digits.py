import sys

import numpy as np
import pytest

from xgraph.data import BagDataset, load, load_card
from xgraph.data.bags.digits import digits_bags


def test_digits_bags_match_the_card() -> None:
    data, card = load("digits-bags"), load_card("digits-bags")
    assert isinstance(data, BagDataset)
    assert (len(data), data.num_instances, int(data.y.sum())) == (card.items, card.instances, card.positives)
    assert (data.instance_shape, data.num_features) == ((1, 8, 8), card.features)
    sizes = data.sizes
    assert (int(sizes.min()), int(sizes.max())) == (5, 20)
    assert data.instance_y is not None
    nines = [int(data.instance_y[data[i].instance].sum()) for i in range(len(data))]
    assert all(count in (1, 2) if data.y[i] else count == 0 for i, count in enumerate(nines))
    assert [(len(bags), int(data.y[bags].sum())) for bags in data.splits.values()] == [(300, 60), (100, 20), (100, 20)]


def test_parts_share_no_images() -> None:
    from sklearn.datasets import load_digits

    arrays = digits_bags()
    assert arrays.parts is not None
    place = {image.tobytes(): i for i, image in enumerate((load_digits().images / 16).astype(np.float32))}
    assert len(place) == 1797  # no image stands there twice
    used: dict[str, set[int]] = {}
    for part, bags in arrays.parts.items():
        rows = [range(arrays.bag_ptr[bag], arrays.bag_ptr[bag + 1]) for bag in bags]
        held = [[place[arrays.x[row].tobytes()] for row in bag] for bag in rows]
        assert all(len(set(bag)) == len(bag) for bag in held)
        used[part] = {image for bag in held for image in bag}
    assert not used["train"] & used["valid"]
    assert not (used["train"] | used["valid"]) & used["test"]
    assert sum(map(len, used.values())) > 1600


def test_bags_are_reproducible() -> None:
    arrays = digits_bags()
    # what NumPy's legacy generator gave when the card was written
    assert arrays.bag_ptr[:6].tolist() == [0, 16, 30, 41, 58, 66]
    assert float(arrays.x.sum()) == 125524


def test_missing_scikit_learn_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(FileNotFoundError, match="digits-bags needs the images included in scikit-learn: pip install"):
        digits_bags()


@pytest.mark.parametrize("split", ["random", "stratified"])
def test_other_splits_would_share_images(split: str) -> None:
    with pytest.raises(ValueError, match=r"split must be one of given for 'digits-bags'"):
        load("digits-bags", split=split)  # type: ignore[arg-type]
