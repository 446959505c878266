"""Layers take the batches of loaders that sample on other machines, such as those of cuGraph-PyG, as they are."""

import pytest
import torch
from torch_geometric.data import Data
from torch_geometric.utils import k_hop_subgraph

from xgraph.nn import MODELS
from xgraph.sampling import in_degree

NODES = 40


class StandIn:
    """Yields what cuGraph-PyG's NeighborLoader yields: PyG's `Data` with the attributes of its node loaders."""

    def __init__(self, data, hops, batch_size):
        self.data, self.hops, self.batch_size = data, hops, batch_size

    def __iter__(self):
        data = self.data
        for seeds in torch.randperm(NODES, generator=torch.Generator().manual_seed(0)).split(self.batch_size):
            reached = k_hop_subgraph(seeds, self.hops, data.edge_index, num_nodes=NODES)[0]
            n_id = torch.cat([seeds, reached[~torch.isin(reached, seeds)]])
            local = torch.full((NODES,), -1)
            local[n_id] = torch.arange(len(n_id))
            kept = (local[data.edge_index] >= 0).all(0).nonzero()[:, 0]
            edge_index = local[data.edge_index[:, kept]]
            batch = Data(x=data.x[n_id], y=data.y[n_id], degree=data.degree[n_id], edge_index=edge_index)
            batch.n_id, batch.e_id, batch.input_id = n_id, kept, seeds
            batch.batch_size = len(seeds)
            yield batch


@pytest.fixture
def data():
    generator = torch.Generator().manual_seed(0)
    source, step = (
        torch.randint(NODES, (160,), generator=generator),
        torch.randint(1, NODES, (160,), generator=generator),
    )
    edge_index = torch.stack([source, (source + step) % NODES])  # no self-loops
    data = Data(x=torch.randn(NODES, 4, generator=generator), edge_index=edge_index, y=torch.arange(NODES) % 2)
    data.degree = in_degree(data)
    return data


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if model.kind == "node"])
def test_every_node_model_trains_on_such_batches_and_evaluates_as_on_the_whole_graph(name, data):
    torch.manual_seed(0)
    tables = {"num_nodes": NODES} if name.endswith("-fm") else {}
    tables |= {"exact_input": False} if name in ("sage-fm", "gcn-fm") else {}
    model = MODELS[name](1, in_channels=4, hidden_channels=8, num_layers=2, dropout=0.0, norm="layer", **tables)
    for batch in StandIn(data, 2, 8):
        logits = model(batch)
        assert logits.shape == (8, 1)
        logits.sum().backward()
    if tables:
        assert all(table.table.seen.any() for table in model.tables.values())
    model.eval()
    whole = model(data)
    for batch in StandIn(data, 2, 8):
        torch.testing.assert_close(model(batch), whole[batch.input_id], rtol=1e-4, atol=1e-5)
