import pytest
import torch
from nn_compare import assert_same_with_gradients
from nn_molecules import random_molecule, real_batch

from xgraph.nn import DMPNN
from xgraph.nn.molecules.readout import readout


def reference(model, batch):
    """Atom vectors after the definition, with a dictionary of the messages of each direction of a bond."""
    bond_tables = torch.split(model.bond.weight, model.bond.sizes)
    atom_rows = model.rows(batch)[0]
    x, own = atom_rows @ model.atom.weight, atom_rows @ model.own.weight
    edges = list(zip(*batch.edge_index.tolist(), strict=True))
    neighbors = {v: [u for u, w in edges if w == v] for v in range(len(x))}
    start = {}
    for (u, v), codes in zip(edges, batch.edge_attr.tolist(), strict=True):
        start[u, v] = x[u] + sum(table[code] for table, code in zip(bond_tables, codes, strict=True))
    zero = torch.zeros(x.size(1), dtype=x.dtype)
    h = {edge: z.relu() for edge, z in start.items()}
    for _ in range(model.num_layers - 1):
        message = {(u, v): sum((h[w, u] for w in neighbors[u] if w != v), zero) for u, v in edges}
        h = {edge: (start[edge] + message[edge] @ model.message.weight.T).relu() for edge in edges}
    received = torch.stack([sum((h[u, v] for u in neighbors[v]), zero) for v in range(len(x))])
    return (own + received @ model.received.weight.T + model.received.bias).relu()


@pytest.mark.parametrize("num_layers", [1, 2, 4])
@pytest.mark.parametrize("shuffled", [False, True])
def test_matches_the_definition(num_layers, shuffled):
    torch.manual_seed(0)
    batch = real_batch(5)
    if shuffled:
        order = torch.randperm(batch.num_edges)
        batch.edge_index, batch.edge_attr = batch.edge_index[:, order], batch.edge_attr[order]
    model = DMPNN(3, hidden_channels=6, num_layers=num_layers, pool="mean").double().eval()
    atoms = reference(model, batch)
    torch.testing.assert_close(model(batch), model.head(readout(atoms, batch.batch, 5, "mean")))
    parameters = [p for name, p in model.named_parameters() if not name.startswith("head.")]
    assert_same_with_gradients(model.encode(batch, batch.batch, 5), atoms, parameters)


def test_atom_vectors_match_a_linear_layer_on_the_concatenation():
    """W_a is kept in two parts, since the atom's own is zeros and ones."""
    model = DMPNN(hidden_channels=4)
    whole = torch.cat([model.own.weight.T, model.received.weight], dim=1)
    x, m = torch.randn(3, 174), torch.randn(3, 4)
    torch.testing.assert_close(torch.cat([x, m], 1) @ whole.T, x @ model.own.weight + m @ model.received.weight.T)


def test_error_names_a_bond_without_its_reverse():
    molecule = random_molecule(4, 3)
    molecule.edge_index = torch.tensor([[0, 1, 2, 1, 2, 3], [1, 2, 3, 0, 1, 0]])
    with pytest.raises(ValueError, match="edge_index must hold both directions of each bond, got 2 -> 3"):
        DMPNN(hidden_channels=4)(molecule)
