import pytest
import torch
from nn_molecules import real_batch

from xgraph.nn import MPNN
from xgraph.nn.molecules.readout import readout


def gated(cell, message, h):
    """A gated recurrent unit, after its definition."""
    w_r, w_z, w_n = cell.weight_ih.chunk(3)
    u_r, u_z, u_n = cell.weight_hh.chunk(3)
    b_r, b_z, b_n = cell.bias_ih.chunk(3)
    c_r, c_z, c_n = cell.bias_hh.chunk(3)
    r = torch.sigmoid(message @ w_r.T + b_r + h @ u_r.T + c_r)
    z = torch.sigmoid(message @ w_z.T + b_z + h @ u_z.T + c_z)
    n = torch.tanh(message @ w_n.T + b_n + r * (h @ u_n.T + c_n))
    return (1 - z) * n + z * h


def set_to_set(layer, h, graph, num_graphs):
    """Three rounds of attention, graph by graph; the recurrent network after its definition."""
    lstm, channels = layer.lstm, h.size(1)
    rows = []
    for number in range(num_graphs):
        atoms = h[graph == number]
        query, memory = h.new_zeros(channels), h.new_zeros(channels)
        both = h.new_zeros(2 * channels)
        for _ in range(3):
            gates = lstm.weight_ih_l0 @ both + lstm.bias_ih_l0 + lstm.weight_hh_l0 @ query + lstm.bias_hh_l0
            i, f, g, o = gates.chunk(4)
            memory = torch.sigmoid(f) * memory + torch.sigmoid(i) * torch.tanh(g)
            query = torch.sigmoid(o) * torch.tanh(memory)
            both = torch.cat([query, (atoms @ query).softmax(0) @ atoms])
        rows.append(both)
    return torch.stack(rows)


@pytest.mark.parametrize("pool", ["mean", "max", "set2set"])
def test_steps_share_weights(pool):
    torch.manual_seed(0)
    batch = real_batch(5)
    model = MPNN(3, hidden_channels=6, num_layers=4, pool=pool).double().eval()
    tables = torch.split(model.edge_network.embedding.weight, model.edge_network.embedding.sizes)
    h = model.rows(batch)[0] @ model.atom.weight
    for _ in range(4):
        message = [torch.zeros(6, dtype=torch.float64) for _ in h]
        for u, v, codes in zip(*batch.edge_index.tolist(), batch.edge_attr.tolist(), strict=True):
            hidden = sum(table[code] for table, code in zip(tables, codes, strict=True)).relu()
            message[v] = message[v] + h[u] @ model.edge_network.linear(hidden).view(6, 6)
        h = gated(model.update, torch.stack(message), h)
    torch.testing.assert_close(model.encode(batch, batch.batch, 5), h, rtol=1e-10, atol=1e-10)
    expected = set_to_set(model.set2set, h, batch.batch, 5) if pool == "set2set" else readout(h, batch.batch, 5, pool)
    torch.testing.assert_close(model.embed(batch), expected, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(model(batch), model.head(expected), rtol=1e-10, atol=1e-10)


def test_number_of_weights_does_not_depend_on_the_steps():
    count = [sum(p.numel() for p in MPNN(num_layers=layers).parameters()) for layers in (1, 6)]
    assert count[0] == count[1]


def test_dropout_is_applied_to_messages():
    torch.manual_seed(0)
    batch = real_batch(5)
    model = MPNN(hidden_channels=8, dropout=0.5)
    first, second = (model.encode(batch, batch.batch, 5) for _ in range(2))
    assert not torch.equal(first, second)
