import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.data.node_sources import heterophilous_npz, planetoid_npz, planetoid_pickles, zipped
from tests.data.toy_card import toy_cards
from xgraph.data import NodeDataset, load, load_card
from xgraph.data.cards import files
from xgraph.data.nodes.load import task_names
from xgraph.data.storage.download import FetchError


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A card `toy` like minesweeper's, of a file of 30 nodes and 10 folds in the mirror."""
    names = (("minesweeper.npz", "toy.npz"), ("items = 10000", "items = 30"))
    with toy_cards(tmp_path, monkeypatch) as make:
        yield make("minesweeper", {"heterophilous/toy.npz": heterophilous_npz(n=30, folds=10)}, *names)


def nodes(**options: Any) -> NodeDataset:
    data = load("toy", **options)
    assert isinstance(data, NodeDataset)
    return data


def test_given_folds(toy: Path) -> None:
    data = nodes(fold=3)
    assert (data.name, data.task, data.metric, data.task_names) == ("toy", "binary", "roc_auc", ["mine"])
    assert (len(data), data.num_edges) == (30, 13)
    part = (np.arange(30) + 3) % 3
    assert data.splits["train"].tolist() == np.flatnonzero(part == 0).tolist()
    assert data.splits["test"].dtype == torch.int64
    assert nodes().splits["train"].tolist() != nodes(fold=1).splits["train"].tolist()


def test_seed_only_affects_the_random_split(toy: Path) -> None:
    def train(**options: Any) -> list[int]:
        return nodes(**options).splits["train"].tolist()

    assert train(split="stratified") == train(split="stratified", seed=5) == train(split="random", seed=0)
    assert train(split="random", seed=5) != train(split="random", seed=6)
    assert train(seed=5) == train()
    data = nodes(split="stratified")
    assert {part: (len(ids), int(data.y[ids].sum())) for part, ids in data.splits.items()} == {
        "train": (18, 9),
        "valid": (6, 3),
        "test": (6, 3),
    }


def test_wrong_number_of_nodes_on_the_card_is_an_error(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = load_card("toy")
    object.__setattr__(card, "items", 31)
    with pytest.raises(ValueError, match="toy should have 31 nodes, but its files have 30"):
        load("toy")


def test_names_of_outputs() -> None:
    assert task_names(load_card("tolokers")) == ["banned"]
    assert task_names(load_card("cora")) == ["0", "1", "2", "3", "4", "5", "6"]
    assert task_names(load_card("musae-facebook")) == ["company", "government", "politician", "tvshow"]
    assert len(task_names(load_card("ogbn-proteins"))) == 112


def test_derived_file_is_checked_without_source_checksums(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path))
    monkeypatch.delenv("XGRAPH_MIRROR", raising=False)
    with np.load(io.BytesIO(planetoid_npz(val_idx=np.arange(2, 502), y=np.array([0, 1, 2, 0, 1, 1])))) as arrays:
        others = planetoid_pickles(arrays)
    monkeypatch.setattr(files, "read_source", lambda url, progress: b"no zip")
    with pytest.raises(FetchError, match=r"cora: .*cannot make planetoid/cora.npz from .*ind.cora.*MIRROR"):
        load("cora")
    monkeypatch.setattr(files, "read_source", lambda url, progress: zipped(others))
    with pytest.raises(FetchError, match=r"planetoid/cora.npz, derived has the wrong checksum"):
        load("cora")
    assert not list(tmp_path.rglob("*.npz"))
