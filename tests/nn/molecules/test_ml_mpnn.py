import pytest
import torch
from nn_molecules import real_batch

from xgraph.nn import MLMPNN
from xgraph.nn.molecules.clusters import clusters


def phi(update, *inputs):
    """Linear, ReLU, linear, and the normalisation with its running statistics."""
    linear, norm = update.rest[2], update.rest[3]
    hidden = (update.inputs.weight @ torch.cat(inputs) + update.inputs.bias).relu()
    out = linear.weight @ hidden
    return (out - norm.running_mean) / (norm.running_var + norm.eps).sqrt() * norm.weight + norm.bias


def affine(linear, x):
    return linear.weight @ x + linear.bias


def reference(model, batch, num_graphs):
    """All levels after the equations, one vector at a time."""
    pools = {"mean": lambda rows: rows.mean(0), "sum": lambda rows: rows.sum(0), "max": lambda rows: rows.amax(0)}
    pool = pools[model.pool]
    atom_rows, bond_rows = model.rows(batch)
    graph = batch.batch.tolist()
    edges = list(zip(*batch.edge_index.tolist(), strict=True))
    result = clusters(batch.edge_index, batch.batch)
    of_atom, of_cluster = result.of_atom.tolist(), result.graph.tolist()
    joined = list(zip(*result.edge_index.tolist(), strict=True))
    e, h = list(bond_rows @ model.bond.weight), list(atom_rows @ model.atom.weight)
    s = [model.cluster.weight[kind] for kind in result.is_ring.tolist()]
    zero = torch.zeros(model.hidden_channels, dtype=torch.float64)
    g = []
    for one in range(num_graphs):
        rows = [bond_rows[k] @ model.whole.weight for k, (u, _) in enumerate(edges) if graph[u] == one]
        g.append(sum(rows) / len(rows) if rows else zero)
    for layer in model.layers:
        e = [phi(layer.edge, e[k], h[u], h[v], g[graph[u]]) for k, (u, v) in enumerate(edges)]
        new = []
        for v in range(len(h)):
            atoms = sum((h[u] for u, w in edges if w == v), zero)
            bonds = sum((e[k] for k, (_, w) in enumerate(edges) if w == v), zero)
            message = affine(layer.received, torch.cat([atoms, bonds])).relu()
            new.append(phi(layer.atom, h[v], message, g[graph[v]]))
        h = new
        new = []
        for c in range(len(s)):
            inside = affine(layer.inside, sum((h[v] for v in range(len(h)) if of_atom[v] == c), zero)).relu()
            around = affine(layer.around, sum((s[d] for d, other in joined if other == c), zero)).relu()
            new.append(phi(layer.cluster, s[c], inside, around, g[of_cluster[c]]))
        s = new
        new = []
        for one in range(num_graphs):
            own_edges = [e[k] for k, (u, _) in enumerate(edges) if graph[u] == one]
            pooled = [
                pool(torch.stack(own_edges)) if own_edges else zero,
                pool(torch.stack([h[v] for v in range(len(h)) if graph[v] == one])),
                pool(torch.stack([s[c] for c in range(len(s)) if of_cluster[c] == one])),
            ]
            new.append(phi(layer.whole, g[one], *pooled))
        g = new
    return torch.stack(e), torch.stack(h), torch.stack(s), torch.stack(g)


@pytest.mark.parametrize("pool", ["mean", "max", "sum"])
def test_matches_the_equations(pool):
    torch.manual_seed(0)
    batch = real_batch(4)
    model = MLMPNN(3, hidden_channels=4, num_layers=2, pool=pool).double()
    for _ in range(3):
        model(real_batch(20))
    model.eval()
    levels, expected = model.levels(batch, batch.batch, 4), reference(model, batch, 4)
    for ours, theirs in zip(levels, expected, strict=True):
        assert theirs.std() > 1e-3
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(model.encode(batch, batch.batch, 4), expected[1])
    torch.testing.assert_close(model.embed(batch), expected[3])
    torch.testing.assert_close(model(batch), model.head(expected[3]))
    parameters = [p for name, p in model.named_parameters() if not name.startswith("head.")]
    upstream = torch.linspace(-1, 1, expected[3].numel(), dtype=torch.float64).view_as(expected[3])
    ours = torch.autograd.grad(model.embed(batch), parameters, upstream)
    theirs = torch.autograd.grad(expected[3], parameters, upstream)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-8)


def test_distant_atoms_interact_through_the_levels():
    """Two layers bring a change from one end of a chain to the other: up to the molecule, and down again."""
    from torch_geometric.data import Data

    ends = torch.arange(19)
    pairs = torch.stack([ends, ends + 1, ends + 1, ends], 1).view(-1, 2).t()
    chain = Data(x=torch.zeros(20, 9, dtype=torch.long), edge_index=pairs)
    chain.edge_attr = torch.zeros(38, 3, dtype=torch.long)
    graph = torch.zeros(20, dtype=torch.long)
    other = chain.clone()
    other.x[19, 0] = 7
    for num_layers, seen in ((1, False), (2, True)):
        model = MLMPNN(hidden_channels=16, num_layers=num_layers).double().eval()
        first, second = (model.encode(data, graph, 1)[0] for data in (chain, other))
        assert bool((first - second).abs().max() > 0) == seen
