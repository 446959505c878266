import pytest
import torch
from nn_molecules import real_batch

from xgraph.nn import ConvolutionStack
from xgraph.nn.molecules.readout import readout


class Neighbors(torch.nn.Module):
    """The sum over neighbours, times a number; of bonds only what `edge_inputs` makes of them."""

    def __init__(self, channels):
        super().__init__()
        self.factor = torch.nn.Parameter(torch.full((), 0.1))

    def forward(self, x, edge_index, weight, count):
        assert count == x.size(0)
        return self.factor * torch.zeros_like(x).index_add(0, edge_index[1], x[edge_index[0]] * weight)


class Stack(ConvolutionStack):
    asked = 0

    def make_conv(self, channels):
        return Neighbors(channels)

    def edge_inputs(self, batch, bond_rows):
        self.asked += 1
        return bond_rows[:, :1] + 1, batch.num_nodes


@pytest.mark.parametrize("virtual_node", [False, True])
@pytest.mark.parametrize("jk", ["last", "sum"])
@pytest.mark.parametrize("residual", [False, True])
def test_any_convolution_can_be_stacked(virtual_node, jk, residual):
    torch.manual_seed(0)
    batch = real_batch(10)
    model = Stack(hidden_channels=4, num_layers=3, virtual_node=virtual_node, jk=jk, residual=residual).double().eval()
    if virtual_node:
        torch.nn.init.normal_(model.virtual_start)
    graph, size = batch.batch, 10
    atom_rows, bond_rows = model.rows(batch)
    h = atom_rows @ model.atom.weight
    weight = bond_rows[:, :1] + 1
    state = model.virtual_start.repeat(size, 1) if virtual_node else torch.zeros(size, 4, dtype=torch.float64)
    outputs = [h]
    for i in range(3):
        h = h + state[graph]
        adjacency = torch.zeros(len(h), len(h), dtype=torch.float64)
        for (u, v), w in zip(batch.edge_index.t().tolist(), weight[:, 0], strict=True):
            adjacency[v, u] += w
        new = 0.1 * adjacency @ h / (1 + 1e-5) ** 0.5
        if i < 2:
            new = new.relu()
            if virtual_node:
                state = model.virtual_nodes[i].mlp(state + readout(h, graph, size, "sum"))
        h = new + h if residual else new
        outputs.append(h)
    expected = sum(outputs) if jk == "sum" else outputs[-1]
    torch.testing.assert_close(model.encode(batch, graph, size), expected)
    assert model.asked == 1


def test_invalid_options_are_rejected():
    with pytest.raises(ValueError, match="jk must be one of last, sum, got 'max'"):
        Stack(jk="max")
    with pytest.raises(NotImplementedError):
        ConvolutionStack()
