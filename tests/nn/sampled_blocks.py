"""Graphs and blocks that the tests of feature momentum share."""

from itertools import combinations, product

import torch

from xgraph.nn.convolutions.block import Block, in_degree


def loop_free(num_nodes=24, num_edges=110, seed=0):
    """Edges with parallel ones, without loops, that leave the last three nodes alone."""
    g = torch.Generator().manual_seed(seed)
    ends = torch.randint(num_nodes - 3, (2, num_edges), generator=g)
    return ends[:, ends[0] != ends[1]]


def whole(edge_index, num_nodes):
    """All edges of a graph."""
    return Block(edge_index, num_nodes, in_degree(edge_index[1], num_nodes), torch.arange(num_nodes))


def sampled(edge_index, num_nodes, fan_out, seed=0):
    """A block of all nodes of a graph, with few of the edges of each, and the true degrees."""
    g = torch.Generator().manual_seed(seed)
    kept = []
    for node in range(num_nodes):
        edges = (edge_index[1] == node).nonzero().view(-1)
        kept.append(edges[torch.randperm(len(edges), generator=g)[:fan_out]])
    return whole(edge_index, num_nodes)._replace(edge_index=edge_index[:, torch.cat(kept)])


def all_samples(degree, fan_out, replace=False):
    """Blocks of one target with `degree` neighbours, one for each sample of `fan_out` of them, all equally likely.

    Node 0 is the target, the sources are 1 to `degree`; their own degrees are 2, 3, ….
    """
    draws = product(range(1, degree + 1), repeat=fan_out) if replace else combinations(range(1, degree + 1), fan_out)
    degrees = torch.tensor([degree, *range(2, degree + 2)])
    for draw in draws:
        edge_index = torch.stack([torch.tensor(draw), torch.zeros(fan_out, dtype=torch.long)])
        yield Block(edge_index, 1, degrees, torch.arange(degree + 1))
