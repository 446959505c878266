import torch
from nn_molecules import real_batch

from xgraph.nn import MoleculeGCN, MoleculeGCNConv
from xgraph.nn.molecules.molecule_gcn_conv import degree_weights
from xgraph.nn.molecules.readout import readout


def test_layers_are_applied_in_order():
    torch.manual_seed(0)
    batch = real_batch(10)
    model = MoleculeGCN(3, hidden_channels=8, num_layers=3, pool="sum").double()
    for _ in range(3):
        model(batch)
    model.eval()
    atom_rows, bond_rows = model.rows(batch)
    h = atom_rows @ model.atom.weight
    weights = degree_weights(batch.edge_index, batch.num_nodes, torch.float64)
    for i, (conv, norm) in enumerate(zip(model.convs, model.norms, strict=True)):
        assert isinstance(conv, MoleculeGCNConv)
        h = norm(conv(h, batch.edge_index, bond_rows, *weights))
        h = h.relu() if i < 2 else h
    expected = readout(h, batch.batch, 10, "sum")
    torch.testing.assert_close(model.embed(batch), expected)
    torch.testing.assert_close(model(batch), model.head(expected))


def test_number_of_weights_matches_ogb():
    """OGB's baseline, layer by layer: atoms, convolutions (linear, root, bonds), normalisation; heads differ."""
    channels = 300
    model = MoleculeGCN(hidden_channels=channels, num_layers=5)
    atoms = 174 * channels
    layer = channels * (channels + 1) + channels + 13 * channels + 2 * channels
    head = sum(p.numel() for p in model.head.parameters())
    assert sum(p.numel() for p in model.parameters()) == atoms + 5 * layer + head
    assert atoms + 5 * layer + channels + 1 == 527_701 + channels  # published with one chirality less
