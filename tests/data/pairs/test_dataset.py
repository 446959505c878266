"""Data sets of users and items: parts, files, and the graph of the training part."""

import numpy as np
import pytest
import torch

from xgraph.data import PairDataset, RelevanceLists

ARRAYS = {
    "shape": np.array([3, 5]),
    "train_indptr": np.array([0, 3, 3, 5]),
    "train_indices": np.array([4, 0, 1, 2, 3]),
    "test_indptr": np.array([0, 1, 2, 2]),
    "test_indices": np.array([2, 0]),
}


def test_a_file_of_compressed_rows_is_read(tmp_path):
    np.savez(tmp_path / "shop.npz", **ARRAYS)
    data = PairDataset.read(tmp_path / "shop.npz")
    assert repr(data) == "PairDataset('shop', num_users=3, num_items=5, train=5, test=2)"
    assert data.splits["train"].item.tolist() == [0, 1, 4, 2, 3]
    assert data.splits["test"].queries().tolist() == [0, 1]
    assert data.known("test") == [data.splits["train"]]
    edges = data.edge_index
    assert sorted(map(tuple, edges.t().tolist())) == sorted(
        [(u, 3 + i) for u, i in [(0, 0), (0, 1), (0, 4), (2, 2), (2, 3)]]
        + [(3 + i, u) for u, i in [(0, 0), (0, 1), (0, 4), (2, 2), (2, 3)]]
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shape": np.array([3])}, "must hold an array `shape`"),
        (
            {"train_indices": np.array([4, 0, 1, 2, 5])},
            "train_indptr and train_indices are no compressed rows of 3 x 5",
        ),
        ({"test_indptr": np.array([0, 1, 2])}, "test_indptr and test_indices are no compressed rows"),
    ],
)
def test_damaged_files_are_refused(changes, message, tmp_path):
    np.savez(tmp_path / "shop.npz", **{**ARRAYS, **changes})
    with pytest.raises(ValueError, match=message):
        PairDataset.read(tmp_path / "shop.npz")


def test_parts_must_fit_together():
    train = RelevanceLists([0, 1], [0, 1], num_items=3)
    with pytest.raises(ValueError, match="the parts train, and valid or test, got test"):
        PairDataset({"test": train})
    with pytest.raises(ValueError, match="got train 2 users and 3 items, test 1 users and 3 items; give num_queries"):
        PairDataset({"train": train, "test": RelevanceLists([0], [1], num_items=3)})


def test_a_validation_part_is_a_share_of_each_user():
    query = torch.repeat_interleave(torch.arange(40), torch.arange(40) % 21)
    item = torch.cat([torch.randperm(50, generator=torch.Generator().manual_seed(i))[: i % 21] for i in range(40)])
    data = PairDataset({"train": RelevanceLists(query, item, num_items=50, num_queries=40)})
    held = data.hold_out(0.25, seed=1)
    train, valid = held.splits["train"], held.splits["valid"]
    pairs = [
        set(zip(one.queries().tolist(), one.item.tolist(), strict=True)) for one in (data.splits["train"], train, valid)
    ]
    assert pairs[1] | pairs[2] == pairs[0]
    assert not pairs[1] & pairs[2]
    count = data.splits["train"].num_relevant
    assert ((valid.num_relevant - 0.25 * count).abs() <= 0.5).all()
    assert (train.num_relevant[count > 0] > 0).all()
    assert held.known("test") == [train, valid]
    other = data.hold_out(0.25, seed=2).splits["valid"].item
    assert torch.equal(data.hold_out(0.25, seed=1).splits["valid"].item, valid.item)
    assert not torch.equal(other, valid.item)
