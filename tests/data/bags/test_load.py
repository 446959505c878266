from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.data import bag_sources as sources
from tests.data.toy_card import Make, toy_cards
from xgraph.data import BagDataset, load


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    with toy_cards(tmp_path, monkeypatch) as build:
        yield build


FILE = "mil_other/protein.npz"
COUNTS = (("items = 193", "items = 60"), ("instances = 26611", "instances = 120"))


@pytest.fixture
def protein(make: Make) -> Path:
    return make("protein", {FILE: sources.mil_npz(n=60)}, *COUNTS)


def bags(**options: Any) -> BagDataset:
    data = load("toy", **options)
    assert isinstance(data, BagDataset)
    return data


def test_given_folds_of_repetitions(protein: Path) -> None:
    data = bags(fold=23)
    assert (data.name, data.metric, data.task_names, data.task) == ("toy", "ap", ["thioredoxin"], "binary")
    assert (len(data), data.num_instances, data.num_features) == (60, 120, 2)
    assert data.splits["test"].tolist() == [i for i in range(60) if i % 10 == 1]  # part 3 of repetition 2
    assert sorted(torch.cat(list(data.splits.values())).tolist()) == list(range(60))
    assert len(data.splits["valid"]) in (5, 6)
    assert bags().splits["test"].tolist() == bags(fold=0, seed=9).splits["test"].tolist()
    assert bags(fold=23, seed=3).splits["valid"].tolist() == data.splits["valid"].tolist()


def test_seed_only_affects_the_random_split(protein: Path) -> None:
    def train(**options: Any) -> list[int]:
        return list(bags(**options).splits["train"].tolist())

    assert train(split="stratified") == train(split="stratified", seed=5) == train(split="random", seed=0)
    assert train(split="random", seed=5) != train(split="random", seed=6)
    data = bags(split="stratified")
    assert [(len(part), int(data.y[part].sum())) for part in data.splits.values()] == [(36, 18), (12, 6), (12, 6)]


def test_wrong_number_of_bags_on_the_card_is_an_error(make: Make) -> None:
    make("protein", {FILE: sources.mil_npz(n=60)}, COUNTS[0])
    with pytest.raises(ValueError, match="toy should have 60 bags of 26611 instances, but its files have 60 of 120"):
        load("toy")


def test_each_task_has_its_own_folds(make: Make) -> None:
    y = (np.arange(60) % 7 == np.arange(7)[:, None]).astype(np.int8)
    train = np.stack([np.roll(sources.folds(60), task, axis=1) for task in range(7)])
    content = sources.mil_npz(n=60, y=y, fold_train=train)
    make(
        "corel",
        {"mil_other/corel.npz": content},
        ("items = 2000", "items = 60"),
        ("instances = 7947", "instances = 120"),
    )
    data = bags()
    assert (data.num_tasks, data.task) == (7, "multilabel")
    assert data.splits["test"].tolist() == list(range(0, 60, 10))
    data = bags(target_columns=["Buses", "African"])
    assert data.task_names == ["Buses", "African"]
    assert torch.equal(data.y, torch.from_numpy(y[[2, 0]].T).float())
    assert data.splits["test"].tolist() == list(range(8, 60, 10))  # rolled by two folds


def test_birds(make: Make) -> None:
    names = ("features.txt.gz", "bag_labels.txt", "instance_labels.txt", "folds.npz")
    contents = {f"mil_birds/{name}": content for name, content in zip(names, sources.birds(), strict=True)}
    make("birds", contents, ("items = 548", "items = 12"), ("instances = 10232", "instances = 13"))
    data = bags()
    assert (data.num_tasks, data.bag_names[:2]) == (13, ["1", "7"])
    assert data.instance_y is not None
    assert data.instance_y.shape == (13, 13)
    data = bags(split="given", target_columns=["Red-breasted Nuthatch"], fold=4)
    assert data.splits["test"].tolist() == [4]
    assert data.instance_y is not None
    assert data.instance_y.shape == (13, 1)
    with pytest.raises(ValueError, match="toy has no given folds for 'Brown Creeper', but for 'Winter Wren'"):
        bags(split="given")
