import numpy as np
import pytest
import torch
from torch_geometric.data import Batch, Data

from xgraph.nn.bag_batch import bags_of, chunks_of


def test_bags_of_instances_are_found():
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
        found, number = bags_of(batch, e)
        assert torch.equal(found, bag)
        assert number == size
    with pytest.raises(ValueError, match=r"the bag of each of 3 instances, got shape \[5\] .*in the attribute bag"):
        bags_of(Batch(batch=nodes), e)


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
def test_what_is_no_bag(instances):
    with pytest.raises(TypeError, match="instances must be a tensor or an array, or an iterable of batches, got"):
        list(chunks_of(instances, 2))
