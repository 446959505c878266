"""Graphs, and neighbourhoods sampled by hand."""

import torch
from torch_geometric.data import Data

from xgraph.nn.convolutions.block import Block, count_self_loops, in_degree
from xgraph.sampling import self_loops


def graph(num_nodes=30, num_edges=120, channels=6, seed=0):
    """A random directed graph with loops, parallel edges and nodes without edges."""
    g = torch.Generator().manual_seed(seed)
    edges = torch.randint(num_nodes - 3, (2, num_edges), generator=g)
    return Data(x=torch.randn(num_nodes, channels, generator=g), edge_index=edges, num_nodes=num_nodes)


def neighbourhood(data, seeds, num_hops, fan_out=None, seed=0):
    """A sampled batch by hand, in the order of PyG's: nodes by first occurrence, edges by hop and target."""
    g = torch.Generator().manual_seed(seed)
    nodes, frontier = list(seeds), list(seeds)
    parts, num_nodes, num_edges = [], [len(nodes)], []
    for _ in range(num_hops):
        result = []
        for target in frontier:
            sources = data.edge_index[0][data.edge_index[1] == target].tolist()
            if fan_out is not None and len(sources) > fan_out:
                sources = [sources[i] for i in torch.randperm(len(sources), generator=g)[:fan_out].tolist()]
            result += [(source, target) for source in sources]
        frontier = list(dict.fromkeys(source for source, _ in result if source not in nodes))
        nodes += frontier
        parts += result
        num_nodes.append(len(frontier))
        num_edges.append(len(result))
    place = {node: i for i, node in enumerate(nodes)}
    edges = torch.tensor([[place[s] for s, _ in parts], [place[t] for _, t in parts]], dtype=torch.long).view(2, -1)
    n_id = torch.tensor(nodes)
    return Data(
        x=data.x[n_id],
        edge_index=edges,
        n_id=n_id,
        degree=in_degree(data.edge_index[1], data.num_nodes)[n_id],
        self_loops=self_loops((data.edge_index, data.num_nodes))[n_id],
        batch_size=len(seeds),
        num_sampled_nodes=num_nodes,
        num_sampled_edges=num_edges,
    )


def block_of(data):
    degree = in_degree(data.edge_index[1], data.num_nodes)
    loops = count_self_loops(data.edge_index, degree)
    return Block(data.edge_index, data.num_nodes, degree, torch.arange(data.num_nodes), loops)
