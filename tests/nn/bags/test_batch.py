import numpy as np
import pytest
import torch
from torch_geometric.data import Batch, Data

from xgraph.nn.bags.batch import bags_of, chunks_of, runs_of


def test_bags_of_reads_bag_or_batch():
    e = torch.zeros(3, 2)
    two, nodes = torch.tensor([0, 1, 1]), torch.tensor([0, 0, 0, 1, 2])
    for batch, bag, size in (
        (Data(batch=two), two, None),
        (Data(batch=two, y=torch.zeros(2, 1)), two, 2),
        (Data(batch=two, y=torch.zeros(2, 1), num_bags=5), two, 5),
        (Data(batch=two, num_bags=torch.tensor(2)), two, 2),
        (Batch(batch=nodes, bag=two, num_bags=2), two, 2),  # of graphs, batch is of nodes
        (Data(), torch.zeros(3, dtype=torch.long), None),
    ):
        result, number = bags_of(batch, e)
        assert torch.equal(result, bag)
        assert number == size
    with pytest.raises(ValueError, match=r"the bag of each of its 3 instances in 'batch' .*got shape \[5\]"):
        bags_of(Batch(batch=nodes), e)


@pytest.mark.parametrize(
    ("sizes", "limit", "wanted"),
    [
        ([2, 1, 3, 1], 3, [2, 1, 1]),
        ([9], 3, [1]),
        ([2, 9, 1, 1], 4, [1, 1, 2]),
        ([9, 1, 1, 9], 2, [1, 2, 1]),
        ([1] * 7, 3, [3, 3, 1]),
        ([1] * 7, 7, [7]),
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_runs_hold_whole_bags(sizes, limit, wanted, known):
    bag = torch.repeat_interleave(torch.tensor(sizes))
    runs = runs_of(bag, len(sizes) if known or len(bag) <= limit else None, limit)
    assert [bags.stop - bags.start for _, bags in runs] == wanted
    assert torch.equal(torch.cat([bag[rows] for rows, _ in runs]), bag)
    for rows, bags in runs:
        assert bag[rows].unique().tolist() == list(range(bags.start, bags.stop))


@pytest.mark.parametrize(
    ("bag", "size"),
    [([0, 1, 0, 1], 2), ([0, 0, 2, 2], 3), ([0, 0, 1, 1], 3), ([0, 0, 1, 2], 2), ([-1, 0, 0, 1], 2), ([], 0)],
)
def test_unsorted_or_invalid_bags_are_not_split(bag, size):
    bag = torch.tensor(bag, dtype=torch.long)
    assert runs_of(bag, size, 2) == [(slice(0, len(bag)), slice(0, size))]
    if len(bag):
        assert runs_of(bag.double(), size, 2) == [(slice(0, len(bag)), slice(0, size))]


def test_chunks_of_tensors_arrays_and_batches(tmp_path):
    x = np.arange(10.0).reshape(5, 2)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    for instances in (x, torch.from_numpy(x), mapped):
        chunks = list(chunks_of(instances, 2))
        assert [len(chunk) for chunk in chunks] == [2, 2, 1]
        assert torch.equal(torch.cat(chunks), torch.from_numpy(x))
    for chunk in chunks_of(mapped, 2):
        chunk.zero_()  # a copy, that can be written to
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), x)
    batches = [Data(x=torch.zeros(2, 1)), Data(x=torch.zeros(1, 1))]
    assert list(chunks_of(iter(batches), 2)) == batches
    assert list(chunks_of(x[:0], 2)) == []


@pytest.mark.parametrize("instances", [Data(x=torch.zeros(2, 1)), 5, None])
def test_instances_of_the_wrong_type_are_rejected(instances):
    with pytest.raises(TypeError, match="instances must be a tensor, an array or an iterable of batches, got"):
        list(chunks_of(instances, 2))
