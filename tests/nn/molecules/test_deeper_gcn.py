import pytest
import torch
from nn_molecules import real_batch

from xgraph.nn import DeeperGCN
from xgraph.nn.molecules.readout import readout


@pytest.mark.parametrize("virtual_node", [False, True])
@pytest.mark.parametrize("num_layers", [1, 4])
def test_blocks_are_residual_with_pre_activation(virtual_node, num_layers):
    torch.manual_seed(0)
    batch = real_batch(10)
    model = DeeperGCN(3, hidden_channels=8, num_layers=num_layers, virtual_node=virtual_node, pool="mean").double()
    for _ in range(3):
        model(batch)
    model.eval()
    if virtual_node:
        torch.nn.init.normal_(model.virtual_start)
    graph = batch.batch
    atom_rows, bond_rows = model.rows(batch)
    state = model.virtual_start.repeat(10, 1) if virtual_node else torch.zeros(10, 8, dtype=torch.float64)
    h = model.convs[0](atom_rows @ model.atom.weight + state[graph], batch.edge_index, bond_rows)
    for i in range(1, num_layers):
        activated = model.norms[i - 1](h).relu()
        if virtual_node:
            state = model.virtual_nodes[i - 1].mlp(state + readout(activated, graph, 10, "sum"))
        h = h + model.convs[i](activated + state[graph], batch.edge_index, bond_rows)
    expected = readout(model.norms[-1](h), graph, 10, "mean")
    torch.testing.assert_close(model.embed(batch), expected)
    torch.testing.assert_close(model(batch), model.head(expected))


def test_number_of_weights_matches_the_published_ogbg_molhiv_model():
    """531,976 with 7 layers of 256, of which 257 in a linear head; there atoms had one kind of chirality less."""
    model = DeeperGCN(hidden_channels=256, num_layers=7)
    encoder = sum(p.numel() for name, p in model.named_parameters() if not name.startswith("head."))
    assert encoder == 531_976 - 257 + 256
