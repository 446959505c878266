import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.data import bag_sources as sources
from xgraph.data import BagDataset, load, load_card, verify
from xgraph.data.bags import load as module
from xgraph.data.cards import named as cards
from xgraph.data.storage.download import FetchError

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Writes a card `toy` like that of another set, with its files in the mirror; returns the mirror."""
    heads = {name: cards._paths()[name].read_text().split("[[files]]")[0] for name in ("protein", "corel", "birds")}
    folder, mirror = tmp_path / "cards", tmp_path / "mirror"
    folder.mkdir()

    def build(like: str, contents: dict[str, bytes], *changes: tuple[str, str]) -> Path:
        text = heads[like].replace(f'name = "{like}"', 'name = "toy"')
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        for path, content in contents.items():
            digest = hashlib.sha256(content).hexdigest()
            text += f'[[files]]\npath = "{path}"\nbytes = {len(content)}\nsha256 = "{digest}"\n'
            text += f'source_url = "http://127.0.0.1:9/x"\nsource_sha256 = "{digest}"\n'
            (mirror / path).parent.mkdir(parents=True, exist_ok=True)
            (mirror / path).write_bytes(content)
        (folder / "toy.toml").write_text(text)
        cards._paths.cache_clear()
        load_card.cache_clear()
        return mirror

    monkeypatch.setattr(cards, "_FOLDERS", (folder,))
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path / "root"))
    monkeypatch.setenv("XGRAPH_MIRROR", str(mirror))
    yield build
    monkeypatch.undo()
    cards._paths.cache_clear()
    load_card.cache_clear()


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


def test_the_seed_moves_the_random_split_only(protein: Path) -> None:
    def train(**options: Any) -> list[int]:
        return list(bags(**options).splits["train"].tolist())

    assert train(split="stratified") == train(split="stratified", seed=5) == train(split="random", seed=0)
    assert train(split="random", seed=5) != train(split="random", seed=6)
    data = bags(split="stratified")
    assert [(len(part), int(data.y[part].sum())) for part in data.splits.values()] == [(36, 18), (12, 6), (12, 6)]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"smiles_column": "smiles"}, "smiles_column='smiles' was given, but 'toy' has no table of molecules"),
        ({"standardize": True}, "standardize=True was given, but 'toy' has no table of molecules"),
        ({"bag_column": "bag"}, "bag_column='bag' was given, but 'toy' is a registered data set, no CSV file"),
        ({"target_columns": ["fold"]}, r"target_columns of 'toy' are \['thioredoxin'\], got \['fold'\]"),
        ({"target_columns": []}, "target_columns is empty"),
        ({"split": "scaffold"}, r"split must be one of \['given', 'stratified', 'random'\] for 'toy'"),
        ({"fold": 50}, "fold must be 0 to 49 for 'toy', got 50"),
        ({"fold": 1, "split": "random"}, "the random split of 'toy' has no folds"),
    ],
)
def test_options_that_do_not_apply(
    protein: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], text: str
) -> None:
    monkeypatch.setattr(module, "obtain", lambda *_, **__: pytest.fail("something was fetched"))
    with pytest.raises(ValueError, match=text):
        load("toy", **options)


def test_a_wrong_checksum_is_told_and_nothing_is_kept(protein: Path, tmp_path: Path) -> None:
    (protein / FILE).write_bytes(sources.mil_npz(n=61))
    with pytest.raises(FetchError, match=r"mil_other/protein.npz has a wrong checksum"):
        load("toy")
    assert not list((tmp_path / "root").rglob("*.npz"))
    assert [entry.state for entry in verify("toy")] == ["wrong"]


def test_no_mirror_and_no_network(protein: Path) -> None:
    (protein / FILE).unlink()
    with pytest.raises(FetchError, match=r"toy: XGRAPH_MIRROR=.* has no mil_other/protein.npz"):
        load("toy")


def test_a_card_that_counts_other_bags(make: Make) -> None:
    make("protein", {FILE: sources.mil_npz(n=60)}, COUNTS[0])
    with pytest.raises(ValueError, match="toy should have 60 bags of 26611 instances, its files have 60 of 120"):
        load("toy")


def test_each_task_has_folds_of_its_own(make: Make) -> None:
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
