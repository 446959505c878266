import numpy as np
import pytest
import torch
from torch_geometric.data import Batch

from tests.data.molecules.test_molecule import HARD, graph_of
from xgraph.data.molecules.molecule import pack
from xgraph.data.molecules.packed import PackedGraphs


@pytest.fixture(scope="module")
def graphs() -> PackedGraphs:
    return pack(HARD)[0]


def assert_batch_equal(one: Batch, other: Batch) -> None:
    assert one.num_graphs == other.num_graphs
    assert set(one.keys()) == set(other.keys())
    for key in sorted(other.keys()):
        assert one[key].dtype == other[key].dtype, key
        assert torch.equal(one[key], other[key]), key


@pytest.mark.parametrize("index", [[0], [3, 3, 1], list(range(len(HARD))), list(reversed(range(len(HARD))))])
def test_batch_equals_pyg(graphs: PackedGraphs, index: list[int]) -> None:
    batch = graphs.batch(np.array(index))
    expected = Batch.from_data_list([graphs.graph(i) for i in index])
    assert_batch_equal(batch, expected)
    assert batch.edge_index.is_contiguous()


def test_batch_can_be_split_again(graphs: PackedGraphs) -> None:
    values = torch.arange(3.0)[:, None]
    batch = graphs.batch(np.array([1, 17, 0]), y=values)
    for i, data in enumerate(batch.to_data_list()):
        expected = graphs.graph([1, 17, 0][i])
        assert torch.equal(data.x, expected.x)
        assert torch.equal(data.edge_index, expected.edge_index)
        assert torch.equal(data.edge_attr, expected.edge_attr)
        assert torch.equal(data.y, values[i : i + 1])
    assert torch.equal(batch[1].edge_index, graphs.graph(17).edge_index)
    assert batch.clone().to("cpu").num_graphs == 3


def test_concatenate_and_take_keep_the_graphs(graphs: PackedGraphs) -> None:
    both = PackedGraphs.concatenate([graphs, pack(["CCO"])[0], graphs])
    assert len(both) == 2 * len(HARD) + 1
    assert torch.equal(both.graph(len(HARD)).x, graph_of("CCO").x)
    part = both.take(np.array([len(HARD) + 1 + 34, 0]))
    assert torch.equal(part.graph(0).edge_index, graphs.graph(34).edge_index)
    assert len(PackedGraphs.concatenate([])) == 0


def test_bonds_use_int16_if_possible() -> None:
    assert pack(["CC"])[0].ends.dtype == np.int16
    n = 40_000
    ends = np.stack([np.arange(n - 1), np.arange(1, n)], axis=1).astype(np.int32)
    counts = np.array([n]), np.array([n - 1])
    chain = PackedGraphs.from_counts(np.zeros((n, 9), np.uint8), ends, np.zeros((n - 1, 3), np.uint8), *counts)
    assert chain.ends.dtype == np.int32
    assert chain.graph(0).edge_index.max() == n - 1
