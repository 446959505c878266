import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.data.node_sources import heterophilous_npz, planetoid_npz, planetoid_pickles, zipped
from xgraph.data import NodeDataset, load, load_card, verify
from xgraph.data.cards import files
from xgraph.data.cards import named as cards
from xgraph.data.nodes import load as module
from xgraph.data.nodes.load import task_names
from xgraph.data.storage.download import FetchError


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A card `toy` like minesweeper's, of a file of 30 nodes and 10 folds in the mirror; returns the mirror's file."""
    content = heterophilous_npz(n=30, folds=10)
    head = cards._paths()["minesweeper"].read_text().split("[[files]]")[0]
    text = head.replace("minesweeper", "toy").replace("items = 10000", "items = 30").replace('"Minesweeper', '"Toy')
    digest = hashlib.sha256(content).hexdigest()
    text += f'[[files]]\npath = "heterophilous/toy.npz"\nbytes = {len(content)}\nsha256 = "{digest}"\n'
    text += f'source_url = "http://127.0.0.1:9/toy.npz"\nsource_sha256 = "{digest}"\n'
    folder = tmp_path / "cards"
    folder.mkdir()
    (folder / "toy.toml").write_text(text)
    path = tmp_path / "mirror" / "heterophilous" / "toy.npz"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    monkeypatch.setattr(cards, "_FOLDERS", (folder,))
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path / "root"))
    monkeypatch.setenv("XGRAPH_MIRROR", str(tmp_path / "mirror"))
    cards._paths.cache_clear()
    load_card.cache_clear()
    yield path
    monkeypatch.undo()
    cards._paths.cache_clear()
    load_card.cache_clear()


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


def test_the_seed_moves_the_random_split_only(toy: Path) -> None:
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


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"smiles_column": "smiles"}, "smiles_column='smiles' was given, but 'toy' has no table of molecules"),
        ({"target_columns": ["mine"]}, "target_columns=.* was given, but 'toy' has no table of molecules"),
        ({"standardize": True}, "standardize=True was given, but 'toy' has no table of molecules"),
        ({"split": "scaffold"}, r"split must be one of \['given', 'stratified', 'random'\] for 'toy', got 'scaffold'"),
        ({"fold": 10}, "fold must be 0 to 9 for 'toy', got 10"),
        ({"fold": 1, "split": "random"}, "the random split of 'toy' has no folds"),
    ],
)
def test_options_that_do_not_apply(
    toy: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], text: str
) -> None:
    monkeypatch.setattr(module, "obtain", lambda *_, **__: pytest.fail("something was fetched"))
    with pytest.raises(ValueError, match=text):
        load("toy", **options)


def test_a_wrong_checksum_is_told_and_nothing_is_kept(toy: Path, tmp_path: Path) -> None:
    for content in (toy.read_bytes()[:-7], heterophilous_npz(n=31, folds=10)):
        toy.write_bytes(content)
        with pytest.raises(FetchError, match=r"heterophilous/toy.npz has a wrong checksum: expected sha256"):
            load("toy")
        assert os.listdir(tmp_path / "root" / "heterophilous") == []
    assert [entry.state for entry in verify("toy")] == ["wrong"]


def test_a_damaged_copy_in_the_root_is_told_with_the_remedy(toy: Path, tmp_path: Path) -> None:
    load("toy")
    (tmp_path / "root" / "heterophilous" / "toy.npz").write_bytes(b"junk")
    with pytest.raises(FetchError, match="`xgraph data fetch toy` replaces it"):
        load("toy")


def test_no_network_names_the_remedy(toy: Path) -> None:
    toy.unlink()
    with pytest.raises(FetchError, match=r"toy: XGRAPH_MIRROR=.* has no heterophilous/toy.npz; cannot fetch"):
        load("toy")


def test_a_card_that_counts_other_nodes(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = load_card("toy")
    object.__setattr__(card, "items", 31)
    with pytest.raises(ValueError, match="toy should have 31 nodes, its files have 30"):
        load("toy")


def test_names_of_outputs() -> None:
    assert task_names(load_card("tolokers")) == ["banned"]
    assert task_names(load_card("cora")) == ["0", "1", "2", "3", "4", "5", "6"]
    assert task_names(load_card("musae-facebook")) == ["company", "government", "politician", "tvshow"]
    assert len(task_names(load_card("ogbn-proteins"))) == 112


def test_a_file_of_unrecorded_originals_is_made_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path))
    monkeypatch.delenv("XGRAPH_MIRROR", raising=False)
    with np.load(io.BytesIO(planetoid_npz(val_idx=np.arange(2, 502), y=np.array([0, 1, 2, 0, 1, 1])))) as arrays:
        others = planetoid_pickles(arrays)
    monkeypatch.setattr(files, "read_source", lambda url, progress: b"no zip")
    with pytest.raises(FetchError, match=r"cora: .*ind.cora.* is not what planetoid/cora.npz is made from: .*MIRROR"):
        load("cora")
    monkeypatch.setattr(files, "read_source", lambda url, progress: zipped(others))
    with pytest.raises(FetchError, match=r"planetoid/cora.npz, derived has a wrong checksum"):
        load("cora")
    assert not list(tmp_path.rglob("*.npz"))
