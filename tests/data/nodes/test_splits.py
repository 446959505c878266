from pathlib import Path

import numpy as np
import pytest

from tests.data.node_sources import heterophilous_npz, planetoid_npz
from xgraph.data.nodes.splits import read_node_split, stratified_split
from xgraph.data.published.given import Given

MASKS = Given(format="masks", train="train_masks", valid="val_masks", test="test_masks", file="f.npz", folds=["0", "1"])
NODES = Given(format="npz", train="train_idx", valid="val_idx", test="test_idx", file="f.npz")


def test_every_class_is_split() -> None:
    y = np.array([0] * 50 + [1] * 10 + [-1] * 7 + [2] * 5)
    parts = stratified_split(y)
    assert {part: np.bincount(y[nodes]).tolist() for part, nodes in parts.items()} == {
        "train": [30, 6, 3],
        "valid": [10, 2, 1],
        "test": [10, 2, 1],
    }
    every = np.concatenate(list(parts.values()))
    assert sorted(every.tolist()) == np.flatnonzero(y >= 0).tolist()
    assert all((np.diff(nodes) > 0).all() for nodes in parts.values())


def test_split_depends_on_the_seed() -> None:
    y = np.arange(100) % 3
    first, again, other = (stratified_split(y, seed=seed)["train"].tolist() for seed in (0, 0, 1))
    assert first == again != other
    assert stratified_split(y)["train"].tolist() == first


def test_fractions_are_checked() -> None:
    with pytest.raises(ValueError, match=r"fractions must be three numbers .*got \(0.5, 0.2, 0.2\)"):
        stratified_split(np.zeros(3, np.int64), (0.5, 0.2, 0.2))


def test_masks_are_folds(tmp_path: Path) -> None:
    file = tmp_path / "f.npz"
    file.write_bytes(heterophilous_npz())
    assert read_node_split(MASKS, None, 6, file)["train"].tolist() == [0, 3]
    parts = read_node_split(MASKS, 1, 6, file)
    assert {part: nodes.tolist() for part, nodes in parts.items()} == {"train": [2, 5], "valid": [0, 3], "test": [1, 4]}


def test_split_need_not_cover_all_nodes(tmp_path: Path) -> None:
    file = tmp_path / "f.npz"
    file.write_bytes(planetoid_npz())
    parts = read_node_split(NODES, None, 6, file)
    assert {part: nodes.tolist() for part, nodes in parts.items()} == {"train": [0, 1], "valid": [2], "test": [3, 4]}
    assert all(nodes.dtype == np.int64 for nodes in parts.values())


@pytest.mark.parametrize(
    ("given", "content", "text"),
    [
        (MASKS, heterophilous_npz(folds=3), r"train_masks of .* must be booleans of shape \(2, 6\), got bool \(3, 6\)"),
        (MASKS, heterophilous_npz(test_masks=np.zeros((2, 6))), r"test_masks .* got float64 \(2, 6\)"),
        (MASKS, heterophilous_npz(val_masks=np.ones((2, 6), bool)), "contains a node twice"),
        (MASKS, planetoid_npz(), "cannot read the split .*train_masks"),
        (NODES, planetoid_npz(test_idx=np.array([6])), "refers to nodes outside 0 to 5"),
        (NODES, planetoid_npz(test_idx=np.array([-1])), "refers to nodes outside 0 to 5"),
        (NODES, planetoid_npz(val_idx=np.array([0])), "contains a node twice"),
        (NODES, b"junk", "cannot read the split"),
        (NODES, planetoid_npz()[:-30], "cannot read the split"),
    ],
)
def test_invalid_arguments_are_rejected(tmp_path: Path, given: Given, content: bytes, text: str) -> None:
    file = tmp_path / "f.npz"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=text):
        read_node_split(given, None, 6, file)
