"""A transform of the loader's batches, and what else a batch must not do without a word."""

from typing import Any

import pytest
import torch
import torch_geometric.transforms as T
from torch_geometric.data import Data, HeteroData
from torch_geometric.nn import SAGEConv as PygSAGEConv

from xgraph.nn import GraphSAGE
from xgraph.sampling import NeighborLoader, NeighborSampler

N = 60


def graph() -> Data:
    generator = torch.Generator().manual_seed(0)
    edges = torch.randint(N, (2, 300), generator=generator)
    return Data(x=torch.randn(N, 5, generator=generator), edge_index=edges, y=torch.arange(N) % 2)


def loops_by_hand(batch: Data) -> Data:
    nodes = torch.arange(batch.num_nodes)
    batch.edge_index = torch.cat([batch.edge_index, nodes.expand(2, -1)], 1)
    return batch


def drop_in_place(batch: Data) -> Data:
    batch.edge_index[0, :3] = batch.edge_index[0, 3:6].clone()
    return batch


CHANGING = [T.ToUndirected(), T.AddSelfLoops(), loops_by_hand, drop_in_place, lambda batch: batch.edge_subgraph(
    torch.arange(batch.num_edges) % 2 == 0)]  # fmt: skip


@pytest.mark.parametrize("transform", CHANGING)
def test_a_model_uses_all_edges_of_a_changed_batch(transform: Any) -> None:
    torch.manual_seed(0)
    model = GraphSAGE(1, 5, hidden_channels=8, num_layers=2, dropout=0.0, norm="none")
    plain = [PygSAGEConv(5, 8), PygSAGEConv(8, 8)]
    for ours, theirs in zip(model.convs, plain, strict=True):
        theirs.load_state_dict(ours.state_dict())
    for batch in NeighborLoader(graph(), [3, 3], batch_size=10, transform=transform):
        assert "num_sampled_nodes" not in batch
        assert "num_sampled_edges" not in batch
        h = batch.x
        for conv in plain:
            h = conv(h, batch.edge_index).relu()
        torch.testing.assert_close(model(batch), model.head(h[:10]))


@pytest.mark.parametrize("transform", [T.NormalizeFeatures(), lambda batch: batch, lambda batch: batch.clone()])
def test_a_transform_of_features_keeps_the_numbers_per_hop(transform: Any) -> None:
    batch = next(iter(NeighborLoader(graph(), [3, 3], batch_size=10, transform=transform)))
    assert sum(batch.num_sampled_nodes) == batch.num_nodes
    assert sum(batch.num_sampled_edges) == batch.num_edges


def test_a_transform_may_return_something_else() -> None:
    loader = NeighborLoader(graph(), [2], batch_size=10, transform=lambda batch: (batch.x, batch.y))
    x, y = next(iter(loader))
    assert len(x) == len(y)


def test_a_transform_that_loses_the_seeds_is_an_error() -> None:
    def reverse(batch: Data) -> Data:
        return batch.subgraph(torch.arange(batch.num_nodes) >= 3)

    with pytest.raises(
        ValueError, match=r"transform must keep the seeds as the first nodes .* begins with \[0, 1, 2, 3"
    ):
        next(iter(NeighborLoader(graph(), [2], batch_size=10, transform=reverse)))
    with pytest.raises(ValueError, match="but the batch has no n_id"):
        next(iter(NeighborLoader(graph(), [2], batch_size=10, transform=lambda batch: Data(x=batch.x))))
    with pytest.raises(TypeError, match="transform must return the batch, got None"):
        next(iter(NeighborLoader(graph(), [2], batch_size=10, transform=lambda batch: None)))


def test_graphs_with_node_types() -> None:
    data = HeteroData()
    data["a"].x, data["b"].x = torch.randn(6, 2), torch.randn(9, 2)
    data["a", "to", "b"].edge_index = torch.tensor([[0, 1, 2, 5], [8, 7, 0, 8]])
    data["b", "to", "a"].edge_index = torch.tensor([[8, 7, 0], [0, 1, 2]])
    for transform, kept in ((T.ToUndirected(), False), (lambda batch: batch, True)):
        loader = NeighborLoader(data, [2, 2], ("b", torch.tensor([8, 7])), batch_size=2, transform=transform)
        batch = next(iter(loader))
        assert all(("num_sampled_edges" in store) == kept for store in batch.edge_stores if store.edge_index.numel())
        assert batch["b"].n_id[:2].tolist() == [8, 7]


def test_numbers_per_hop_that_do_not_fit_are_an_error() -> None:
    model = GraphSAGE(1, 5, hidden_channels=8, num_layers=2)
    batch = next(iter(NeighborLoader(graph(), [3, 3], batch_size=10)))
    batch.edge_index = batch.edge_index[:, 1:]
    with pytest.raises(
        ValueError, match=r"the batch has \d+ edges, but num_sampled_edges adds up to \d+: if a transform"
    ):
        model(batch)


def test_learnable_features_are_an_error() -> None:
    data = graph()
    data.x = torch.nn.Embedding(N, 4).weight
    with pytest.raises(ValueError, match=r"x must not require a gradient, .*embedding\(batch.n_id\)"):
        NeighborLoader(data, [2])
    data.x = data.x.detach()
    assert len(NeighborLoader(data, [2])) == N


def test_input_id_is_that_of_pyg() -> None:
    mask = torch.arange(N) % 3 == 0
    for given in (mask, mask.numpy(), mask.tolist()):
        batch = next(iter(NeighborLoader(graph(), [2], given, batch_size=4)))
        assert batch.input_id.tolist() == [0, 3, 6, 9] == batch.n_id[:4].tolist()
    ids = next(iter(NeighborLoader(graph(), [2], mask.nonzero().view(-1), batch_size=4)))
    assert ids.input_id.tolist() == [0, 1, 2, 3]
    loader = NeighborLoader(graph(), [2], mask, batch_size=4)
    other = next(iter(loader.with_batches(torch.tensor([5, 7]), batch_size=2)))
    assert other.input_id.tolist() == [0, 1]


@pytest.mark.parametrize("layout", ["sparse_coo", "sparse_csr", "sparse_csc"])
def test_sparse_features_of_any_format(layout: str) -> None:
    data = graph()
    dense = data.x * (data.x > 0)
    data.x = dense.to_sparse(layout=getattr(torch, layout))
    batch = next(iter(NeighborLoader(data, [2], batch_size=4)))
    torch.testing.assert_close(batch.x, dense[batch.n_id])
    model = GraphSAGE(1, 5, hidden_channels=8, num_layers=1)
    if layout == "sparse_csr":
        assert model(data).shape == (N, 1)
    else:
        with pytest.raises(ValueError, match=rf"x must be dense or sparse in the format CSR, got {layout}; convert it"):
            model(data)


@pytest.mark.parametrize("make", [lambda x: x.to_sparse(1), lambda x: x.to_sparse_bsr((2, 5))])
def test_other_sparse_formats_name_the_remedy(make: Any) -> None:
    data = graph()
    data.x = make(data.x)
    with pytest.raises(
        ValueError, match=r"x must be dense, or a sparse matrix in the format CSR, CSC or COO .*to_dense"
    ):
        NeighborLoader(data, [2])


def test_stores_are_refused_by_name() -> None:
    stores = (graph(), graph())
    with pytest.raises(
        TypeError, match="got a pair of Data and Data; PyG's feature and graph stores are not supported"
    ):
        NeighborSampler(stores, [2])
    with pytest.raises(TypeError, match="got tuple; PyG's feature and graph stores are not supported"):
        NeighborLoader(stores, [2])
