"""Graphs and checks shared by the tests of neighbour sampling."""

import torch
from torch_geometric.data import HeteroData

from xgraph.sampling.engines.topology import Graph


def random_graph(num_nodes=60, num_edges=500, seed=0):
    """Edges with parallel ones and self-loops, skewed degrees, and some nodes without edges."""
    rng = torch.Generator().manual_seed(seed)
    ends = (torch.rand(2, num_edges, generator=rng) ** 2 * num_nodes * 0.9).long()
    ends[:, 0] = ends[:, 1]  # parallel
    ends[1, 2] = ends[0, 2]  # a self-loop
    return ends, num_nodes


def hetero_data(seed=0):
    rng = torch.Generator().manual_seed(seed)
    data = HeteroData()
    for name, size in (("paper", 50), ("author", 30), ("venue", 8)):
        data[name].num_nodes = size
        data[name].x = torch.arange(size)[:, None].float()
    for src, name, dst, size in (
        ("author", "writes", "paper", 200),
        ("paper", "written_by", "author", 200),
        ("paper", "cites", "paper", 300),
        ("venue", "prints", "paper", 50),
        ("paper", "in", "venue", 50),
        ("venue", "near", "venue", 0),
    ):
        src_ids = torch.randint(data[src].num_nodes, (size,), generator=rng)
        dst_ids = torch.randint(data[dst].num_nodes, (size,), generator=rng)
        data[src, name, dst].edge_index = torch.stack([src_ids, dst_ids])
        data[src, name, dst].edge_attr = torch.arange(size)
    return data


def edge_indices(graph: Graph):
    """The edge lists from which the topologies were built."""
    result = {}
    for name, topology in graph.topologies.items():
        dst = torch.arange(topology.num_dst).repeat_interleave(topology.degree)
        position = torch.arange(topology.num_edges) if topology.perm is None else topology.perm.long()
        edge_index = torch.empty(2, topology.num_edges, dtype=torch.int64)
        edge_index[:, position] = torch.stack([topology.row.long(), dst])
        result[name] = edge_index
    return result


def check(sampled, graph, seeds, fanouts, *, replace=False, disjoint=False):
    """Raise an error unless the sample is a subgraph with the documented fan-outs and order."""
    edges, batch = edge_indices(graph), sampled.batch
    for name, node in sampled.node.items():
        given = seeds.get(name, node[:0])
        assert torch.equal(node[: len(given)], given)
        assert sum(sampled.num_sampled_nodes[name]) == len(node)
        assert sampled.num_sampled_nodes[name][0] == len(given)
        if not disjoint and len(given.unique()) == len(given):
            assert len(node.unique()) == len(node)
        if disjoint:
            assert len(torch.stack([batch[name], node]).unique(dim=1)[0]) == len(node)
    begin = {name: [0, *torch.tensor(sizes).cumsum(0).tolist()] for name, sizes in sampled.num_sampled_nodes.items()}
    for (src, name, dst), topology in graph.topologies.items():
        row, col, edge = (part[src, name, dst] for part in (sampled.row, sampled.col, sampled.edge))
        assert len(row) == len(col) == len(edge) == sum(sampled.num_sampled_edges[src, name, dst])
        assert torch.equal(edges[src, name, dst][0, edge], sampled.node[src][row])
        assert torch.equal(edges[src, name, dst][1, edge], sampled.node[dst][col])
        if disjoint:
            assert torch.equal(batch[src][row], batch[dst][col])
        if not replace:
            assert len(torch.stack([col, edge]).unique(dim=1)[0]) == len(edge)
        assert (col.diff() >= 0).all()  # by hop, then by target
        count = torch.bincount(col, minlength=len(sampled.node[dst]))
        for hop, fanout in enumerate(fanouts[src, name, dst]):
            frontier = slice(begin[dst][hop], begin[dst][hop + 1])
            degree = topology.degree[sampled.node[dst][frontier]]
            if replace and fanout > 0:
                expected = torch.where(degree > 0, fanout, 0)
            else:
                expected = degree if fanout < 0 else degree.clamp(max=fanout)
            assert torch.equal(count[frontier], expected)
            assert sampled.num_sampled_edges[src, name, dst][hop] == int(expected.sum())
        assert not count[begin[dst][len(fanouts[src, name, dst])] :].any()


def equal(a, b):
    """Raise an error unless two samples are the same."""
    for part in ("node", "row", "col", "edge", "batch"):
        left, right = getattr(a, part), getattr(b, part)
        assert (left is None) == (right is None)
        if left is not None:
            assert left.keys() == right.keys()
            for name in left:
                assert left[name].dtype == right[name].dtype == torch.int64
                assert torch.equal(left[name], right[name]), (part, name)
    assert a.num_sampled_nodes == b.num_sampled_nodes
    assert a.num_sampled_edges == b.num_sampled_edges
