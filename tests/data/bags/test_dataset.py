import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch_geometric.data import Batch, Data

from xgraph.data import BagDataset, MoleculeDataset, instance_statistics
from xgraph.sampling.bags.instances import InstanceSampler

SIZES = [3, 1, 5, 2]
PTR = np.concatenate([[0], np.cumsum(SIZES)])
X = torch.arange(22.0).reshape(11, 2)
Y = [[1.0, 0.0], [0.0, torch.nan], [1.0, 1.0], [0.0, 0.0]]


def toy(**options: Any) -> BagDataset:
    return BagDataset(**{"instances": X, "bag_ptr": PTR, "y": Y, "name": "toy", **options})


def test_attributes_and_repr() -> None:
    data = toy(task_names=["a", "b"], metric="roc_auc", splits={"train": torch.tensor([0, 2])})
    assert repr(data) == "BagDataset('toy', bags=4, instances=11, features=2, tasks=2)"
    assert (data.kind, data.task, data.metric, data.featurizer) == ("bag", "multilabel", "roc_auc", "")
    assert (len(data), data.num_tasks, data.num_features, data.num_instances) == (4, 2, 2, 11)
    assert (data.sizes.tolist(), data.row.tolist(), data.errors) == (SIZES, [0, 1, 2, 3], [])
    assert (data.instance_shape, data.bag_names) == ((2,), ["0", "1", "2", "3"])
    assert data.splits["train"].tolist() == [0, 2]
    assert torch.equal(data.targets(torch.tensor([2, 0])), torch.tensor([[1.0, 1], [1, 0]]))
    one = toy(y=[1, 0, 1, 0])
    assert (one.task, one.task_names, one.y.shape, one.y.dtype) == ("binary", ["y"], (4, 1), torch.float32)
    none = toy(y=None)
    assert (none.num_tasks, none.y.shape, none[0].y.shape) == (0, (4, 0), (1, 0))


def check(batch: Any, positions: list[int]) -> None:
    """The batch holds these bags, as a loop over them would put them together."""
    rows = [torch.arange(int(PTR[i]), int(PTR[i + 1])) for i in positions]
    assert torch.equal(batch.x, torch.cat([X[row] for row in rows]))
    assert torch.equal(batch.instance, torch.cat(rows))
    assert batch.batch.tolist() == [place for place, i in enumerate(positions) for _ in range(SIZES[i])]
    assert torch.equal(batch.bag, batch.batch)
    assert torch.equal(batch.y.nan_to_num(9), torch.tensor([Y[i] for i in positions]).nan_to_num(9))
    assert batch.idx.tolist() == positions
    assert batch.num_bags == len(positions)
    assert {batch[key].dtype for key in ("batch", "bag", "idx", "instance")} == {torch.int64}


@pytest.mark.parametrize("positions", [[0], [2, 0], [1, 1, 3], [3, 2, 1, 0]])
@pytest.mark.parametrize("as_type", [list, torch.tensor, np.array, lambda p: torch.tensor(p, dtype=torch.int32)])
def test_batches_of_whole_bags(positions: list[int], as_type: Any) -> None:
    check(toy().batch(as_type(positions)), positions)


def test_items_are_batches_of_one() -> None:
    data = toy()
    for i in range(4):
        check(data[i], [i])
    check(data[-1], [3])
    assert isinstance(data[0], Data)


def test_scattered_instances_give_the_same_bags() -> None:
    order = torch.randperm(11, generator=torch.Generator().manual_seed(0))
    bag = torch.repeat_interleave(torch.tensor(SIZES))
    scattered = toy(instances=X[order], bag_ptr=None, bag=bag[order])
    for positions in ([0], [2, 0, 2]):
        one, two = scattered.batch(positions), toy().batch(positions)
        assert torch.equal(X[order][one.instance], one.x)
        for b in range(len(positions)):
            assert set(one.x[one.batch == b, 0].tolist()) == set(two.x[two.batch == b, 0].tolist())
        assert torch.equal(one.batch, two.batch)


def test_batches_of_selected_instances() -> None:
    data = toy()
    batch = data.batch([2, 1, 2], (torch.tensor([4, 8, 3, 6]), torch.tensor([0, 0, 1, 2])))
    assert batch.instance.tolist() == [4, 8, 3, 6]
    assert torch.equal(batch.x, X[[4, 8, 3, 6]])
    assert batch.batch.tolist() == [0, 0, 1, 2]
    assert batch.y[:, 0].tolist() == [1, 0, 1]
    with pytest.raises(ValueError, match="rows assigns instance 4 to bag '1'"):
        data.batch([1, 2], (torch.tensor([4, 8]), torch.tensor([0, 1])))
    # numbers count instances bag after bag, wherever these lie
    scattered = toy(instances=X, bag_ptr=None, bag=[3, 2, 1, 0, 0, 0, 2, 2, 2, 2, 3])
    number = scattered.bag_ptr[torch.tensor([3, 0])]
    batch = scattered.batch([3, 0], (number, torch.tensor([0, 1])))
    assert batch.instance.tolist() == [0, 3]


@pytest.mark.parametrize("k", [1, 3, None])
def test_accepts_rows_from_the_sampler(k: int | None) -> None:
    bag = np.random.default_rng(0).permutation(np.repeat(np.arange(4), SIZES))
    data = toy(instances=X, bag_ptr=None, bag=bag)
    sampler = InstanceSampler(data.bag_ptr, k, seed=3)
    for epoch in range(5):
        batch = data.batch([2, 0, 3], sampler.sample([2, 0, 3], epoch=epoch))
        assert bag[batch.instance].tolist() == np.array([2, 0, 3])[batch.batch].tolist()
        assert batch.batch.bincount().tolist() == [min(k or 9, SIZES[i]) for i in (2, 0, 3)]
        assert len(set(batch.instance.tolist())) == len(batch.instance)
        assert torch.equal(batch.x, X[batch.instance])


def test_images_and_devices() -> None:
    data = BagDataset(torch.rand(6, 1, 4, 4), [0, 2, 6], [0, 1])
    assert (data.instance_shape, data.num_features) == ((1, 4, 4), 1)
    batch = data.batch([1]).to("meta")
    assert batch.x.shape == (4, 1, 4, 4)
    assert {batch[key].device.type for key in ("x", "batch", "bag", "y", "idx", "instance")} == {"meta"}


def test_bags_of_graphs() -> None:
    graphs = [
        Data(x=torch.full((i % 3 + 1, 2), float(i)), edge_index=torch.tensor([[0], [0]]), y=torch.zeros(1))
        for i in range(11)
    ]
    data = toy(instances=graphs)
    assert (data.instance_shape, data.num_features, data.num_instances) == ((), 2, 11)
    batch = data.batch([3, 0])
    assert isinstance(batch, Batch)
    assert batch.bag.tolist() == [0, 0, 1, 1, 1]
    assert batch.instance.tolist() == [9, 10, 0, 1, 2]
    assert batch.batch.tolist() == [0, 1, 1, 2, 3, 3, 4, 4, 4]
    assert batch.x[:, 0].tolist() == [9, 10, 10, 0, 1, 1, 2, 2, 2]
    assert batch.y.shape == (2, 2)
    assert batch.num_graphs == 5
    assert batch.num_bags == 2


def test_bags_of_molecules() -> None:
    smiles = ["CCO", "C", "c1ccccc1", "CC(=O)O", "N"]
    data = BagDataset(MoleculeDataset.from_smiles(smiles), bag=[1, 0, 1, 0, 1], y=[0, 1])
    batch = data.batch([1, 0])
    assert batch.bag.tolist() == [0, 0, 0, 1, 1]
    assert batch.instance.tolist() == [0, 2, 4, 1, 3]
    assert batch.batch.bincount().tolist() == [3, 6, 1, 1, 4]
    assert batch.edge_attr.shape[1] == 3
    assert (data.num_features, data[0].num_bags) == (9, 1)


def test_instance_labels_and_names(tmp_path: Path) -> None:
    data = toy(instance_y=torch.arange(11) % 2, bag_names=["a", "b", "c", "d"], row=torch.tensor([5, 6, 8, 9]))
    assert data.instance_y is not None
    assert data.instance_y[data[2].instance].tolist() == [0, 1, 0, 1, 0]
    assert (data.bag_names[2], data.row.tolist()) == ("c", [5, 6, 8, 9])


def test_numbers_to_predict() -> None:
    data = BagDataset(
        torch.zeros(4, 2), bag=[0, 1, 0, 2], y=[2.5, None, -1], task="regression", instance_y=[1, 2, 3, 4]
    )
    assert (data.task, data.metric, data.num_tasks, data.task_names) == ("regression", "rmse", 1, ["y"])
    assert repr(data) == "BagDataset('bags', bags=3, instances=4, features=2, targets=1)"
    assert data.targets(torch.tensor([2, 0])).tolist() == [[-1], [2.5]]
    assert data.batch([0]).y.tolist() == [[2.5]]
    assert ">mean<" in data._repr_html_()
    for options, text in (
        ({"metric": "ap"}, "metric must be one of rmse, mae, r2, pearson, spearman, got 'ap'"),
        ({"y": [1, 2, np.inf]}, "y must be a finite number or NaN .missing.; row 2 has inf"),
    ):
        with pytest.raises(ValueError, match=text):
            BagDataset(torch.zeros(4, 2), bag=[0, 1, 0, 2], **{"y": [1, 2, 3], "task": "regression", **options})


def test_copies() -> None:
    data = toy()
    for other in (copy.deepcopy(data), pickle.loads(pickle.dumps(data))):
        check(other.batch([2, 0]), [2, 0])


def test_works_with_torch_data_loaders() -> None:
    data = toy()
    loader = torch.utils.data.DataLoader(torch.arange(4), batch_size=2, collate_fn=data.batch)
    for positions, batch in zip(([0, 1], [2, 3]), loader, strict=True):
        check(batch, positions)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"metric": "auc"}, "metric must be one of ap, prc_auc, roc_auc, got 'auc'"),
        ({"y": [1, 0, 2, 0]}, "y must be 0, 1 or NaN .missing.; row 2 has 2"),
        ({"y": ["a", "b", "c", "d"]}, r"y must be 0, 1 or NaN .missing., got \['a', 'b', 'c', 'd'\]"),
        ({"y": [0, 1, 0, 1, 1], "bag_ptr": None, "bag": PTR[1].repeat(11) - 3}, "there are labels or names for 5 bags"),
        ({"y": np.zeros((4, 1, 1))}, "y must have shape .n. or .n, T."),
        ({"y": [1, 0, 1]}, "bag_ptr has 4 bags, but there are labels or names for 3"),
        ({"y": [0, 1, 0, 1, 1], "bag_ptr": [0, 3, 4, 9, 9, 11]}, "bag 3 has no instances"),
        ({"bag_names": ["a"]}, r"y, bag_names, row and cases must have the same length, got lengths \[1, 4\]"),
        ({"row": torch.arange(5)}, r"must have the same length, got lengths \[4, 5\]"),
        ({"task_names": ["a"]}, r"y must have shape \[4, 1\], one column per task, got \[4, 2\]"),
        ({"feature_names": ["a"]}, "feature_names must have 2 names, one per feature, got 1"),
        ({"instance_y": torch.ones(4)}, r"instance_y must have 11 rows, one per instance, got shape \[4\]"),
        ({"instance_y": torch.full((11,), 3)}, "instance_y must be 0, 1 or NaN"),
        ({"instance_row": torch.arange(4)}, "instance_row must have 11 entries, one per instance, got 4"),
        ({"splits": {"train": torch.tensor([4])}}, "split 'train' refers to a bag outside 0 to 3"),
        ({"splits": {"train": torch.tensor([0.0])}}, "split 'train' must be int64 of shape"),
        ({"bag_ptr": None, "bag": [0] * 10 + [9]}, "bag must be between 0 and 3 for 4 bags, got 9 for instance 10"),
        ({"instances": torch.ones(12, 2)}, "bag_ptr must end with the number of instances, 12, got 11"),
    ],
)
def test_invalid_arguments_are_rejected(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        toy(**options)


def test_errors_name_numbers_that_are_not_finite(tmp_path: Path) -> None:
    x = X.clone()
    x[6, 1] = torch.nan
    with pytest.raises(ValueError, match=r"instances must be finite, but row 6 .in bag 'c'. is not"):
        toy(instances=x, bag_names=list("abcd"))
    with pytest.raises(ValueError, match=r"instances must be finite, but row 6 .in bag '1'. is not"):
        toy(instances=x, bag_ptr=None, bag=[0, 2, 2, 3, 3, 0, 1, 0, 0, 0, 2])
    np.save(tmp_path / "x.npy", x.numpy())
    data = toy(instances=tmp_path / "x.npy")  # not read yet
    data.batch([0, 1, 3])
    with pytest.raises(ValueError, match=r"instances must be finite, but row 6 .in bag '2'. is not"):
        data.batch([1, 2])
    with pytest.raises(ValueError, match=r"instances must be finite, but row 6 .in bag '2'"):
        instance_statistics(data)


def test_errors_name_numbers_beyond_float32(tmp_path: Path) -> None:
    x = X.double().numpy()
    x[6, 1] = 1e300
    np.save(tmp_path / "x.npy", x)
    for instances in (x, torch.from_numpy(x)):
        with pytest.raises(ValueError, match=r"instances must be finite, but row 6 .in bag '2'. is not"):
            toy(instances=instances)
    with (
        pytest.warns(RuntimeWarning, match="overflow"),
        pytest.raises(ValueError, match="instances must be finite, but row 6"),
    ):
        toy(instances=tmp_path / "x.npy").batch([2])


def test_lists_and_columns_of_tables() -> None:
    data = toy(
        bag_ptr=None,
        bag=pd.Series(np.repeat(np.arange(4), SIZES), index=range(50, 61)),
        y=pd.Series([1, None, 0, 1], index=list("abcd"), dtype=object),
        splits={"train": [0, 2], "test": np.array([1])},
    )
    assert (data.sizes.tolist(), data.y[1].isnan().item(), data.y[[0, 2, 3], 0].tolist()) == (SIZES, True, [1, 0, 1])
    assert {part: bags.tolist() for part, bags in data.splits.items()} == {"train": [0, 2], "test": [1]}
    assert data.batch(range(2)).idx.tolist() == [0, 1]


def test_positions_out_of_range_are_rejected() -> None:
    data = toy()
    for positions, text in (([4], "bag 4 is out of range: there are 4"), ([-5], "bag -1 is out of range")):
        with pytest.raises(IndexError, match=text):
            data.batch(positions)
    with pytest.raises(IndexError):
        data[4]
    assert len(list(data)) == 4  # iteration ends
    for bad in ([], torch.tensor([])):
        empty = data.batch(bad)  # the share of a process that has no bag in this step
        assert (len(empty.x), len(empty.y), len(empty.idx), empty.num_bags) == (0, 0, 0, 0)
    for other in (slice(0, 2), ["a"], "a"):
        with pytest.raises(ValueError, match=r"positions must be integers, got|index must hold integers"):
            data.batch(other)  # type: ignore[arg-type]
    for floats in ([0.5], torch.tensor([True])):
        with pytest.raises(ValueError, match="index must hold integers"):
            data.batch(floats)
    with pytest.raises(IndexError, match="bag -1 is out of range"):
        data.targets(torch.tensor([-1]))
