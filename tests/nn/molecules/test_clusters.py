import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from nn_molecules import real_batch

from xgraph.nn.molecules.clusters import clusters


def connected(num_nodes, edges):
    """Component of each node, by repeated spreading of the least number."""
    label = list(range(num_nodes))
    changed = True
    while changed:
        changed = False
        for u, v in edges:
            least = min(label[u], label[v])
            changed |= label[u] != least or label[v] != least
            label[u] = label[v] = least
    return label


def reference(num_nodes, bonds):
    """Sets of atoms, and which are ring systems: a bond is in a ring if its ends stay connected without it."""
    in_ring = [False] * num_nodes
    ring_bonds = []
    for i, (u, v) in enumerate(bonds):
        rest = connected(num_nodes, bonds[:i] + bonds[i + 1 :])
        if u != v and rest[u] == rest[v]:
            ring_bonds.append((u, v))
            in_ring[u] = in_ring[v] = True
    chain_bonds = [(u, v) for u, v in bonds if not in_ring[u] and not in_ring[v]]
    label = connected(num_nodes, ring_bonds + chain_bonds)
    sets = {frozenset(i for i in range(num_nodes) if label[i] == one) for one in label}
    return {(one, in_ring[min(one)]) for one in sets}


def found_sets(result):
    sets = {}
    for atom, cluster in enumerate(result.of_atom.tolist()):
        sets.setdefault(cluster, set()).add(atom)
    assert sorted(sets) == list(range(len(result.is_ring)))
    return {(frozenset(atoms), bool(result.is_ring[cluster])) for cluster, atoms in sets.items()}


@st.composite
def graphs(draw):
    num_nodes = draw(st.integers(1, 9))
    node = st.integers(0, num_nodes - 1)
    return num_nodes, draw(st.lists(st.tuples(node, node), max_size=12))


@given(graphs())
@settings(max_examples=150, deadline=None)
def test_random_graphs(case):
    """With loops, and with several bonds between the same atoms, which are a ring of two."""
    num_nodes, bonds = case
    edges = torch.tensor(bonds + [(v, u) for u, v in bonds], dtype=torch.long).reshape(-1, 2).t()
    result = clusters(edges, torch.zeros(num_nodes, dtype=torch.long))
    assert found_sets(result) == reference(num_nodes, bonds)
    ends = {(int(result.of_atom[u]), int(result.of_atom[v])) for u, v in edges.t().tolist()}
    assert {tuple(pair) for pair in result.edge_index.t().tolist()} == {(a, b) for a, b in ends if a != b}


def test_rings_match_rdkit():
    batch = real_batch(40)
    result = clusters(batch.edge_index, batch.batch)
    assert torch.equal(result.is_ring[result.of_atom], batch.x[:, 8])  # the feature "in a ring"
    assert torch.equal(result.graph[result.of_atom], batch.batch)
    # The clusters of each connected part make a tree.
    parts = set(connected(batch.num_nodes, batch.edge_index.t().tolist()))
    assert result.edge_index.size(1) == 2 * (len(result.is_ring) - len(parts))


@pytest.mark.parametrize(
    ("smiles", "rings", "chains"),
    [
        ("c1ccccc1-c1ccccc1", [6, 6], []),  # a bond joins two rings
        ("c1ccc2ccccc2c1", [10], []),  # a shared bond makes one system of two
        ("C1CCC2(CC1)CCCC2", [10], []),  # so does a shared atom
        ("C1CC2CCC1C2", [7], []),
        ("CC(=O)Oc1ccccc1C(=O)O", [6], [4, 3]),
        ("OCCc1ccccc1CCCc1ccncc1", [6, 6], [3, 3]),
        ("CCO", [], [3]),
        ("[Na+].[Cl-]", [], [1, 1]),
        ("C", [], [1]),
    ],
)
def test_molecules(smiles, rings, chains):
    from ogb.utils import smiles2graph

    graph = smiles2graph(smiles)
    edge_index, num_nodes = torch.from_numpy(graph["edge_index"]), graph["num_nodes"]
    result = clusters(edge_index, torch.zeros(num_nodes, dtype=torch.long))
    sizes = sorted((len(atoms), is_ring) for atoms, is_ring in found_sets(result))
    assert sizes == sorted([(n, True) for n in rings] + [(n, False) for n in chains])


def test_memory_layout_of_edges_does_not_matter():
    edge_index = real_batch(5).edge_index
    graph = real_batch(5).batch
    other = edge_index.t().contiguous().t()
    assert not other.is_contiguous()
    for a, b in zip(clusters(edge_index, graph), clusters(other, graph), strict=True):
        assert torch.equal(a, b)
