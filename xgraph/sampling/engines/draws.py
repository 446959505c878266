"""Drawing edges of many targets with torch operations."""

import torch
from torch import Tensor

from xgraph.sampling.engines.hashing import Keys, node_uniform, randint


def pick(colptr: Tensor, row: Tensor, nodes: Tensor, fanout: int, key: Keys, replace: bool) -> tuple[Tensor, Tensor]:
    """Draw edges of targets uniformly at random."""
    real = nodes >= 0
    target = nodes.clamp(min=0)
    start = colptr[target]
    degree = torch.where(real, colptr[target + 1] - start, 0)
    column = torch.arange(fanout, device=nodes.device)
    counter = torch.arange(len(nodes), device=nodes.device).mul_(fanout)[:, None] + column
    if replace:
        offset = torch.where(degree[:, None] > 0, randint(counter, key, degree[:, None]), -1)
    else:
        offset = torch.where(column < degree[:, None], column, -1)
        many = degree > fanout
        for j in range(fanout):
            last = degree - (fanout - j)
            drawn = randint(counter[:, j], key, (last + 1).clamp(min=1))
            taken = (offset[:, :j] == drawn[:, None]).any(dim=1)
            offset[:, j] = torch.where(many, torch.where(taken, last, drawn), offset[:, j])
    return _look_up(row, start[:, None] + offset, offset >= 0)


def pick_smallest(colptr: Tensor, row: Tensor, nodes: Tensor, fanout: int, key: Keys) -> tuple[Tensor, Tensor]:
    """Keep each target's edges whose sources have the smallest random numbers, shared by all targets (LABOR)."""
    target, edge = every_edge(colptr, nodes)
    number = node_uniform(row[edge].long(), key)
    # Sort by target, then number; for equal numbers (parallel edges), the first comes first.
    order = torch.sort(number, stable=True).indices
    order = order[torch.sort(target[order], stable=True).indices]
    count = torch.bincount(target, minlength=len(nodes))
    begin = count.cumsum(0) - count
    rank = torch.arange(len(edge), device=edge.device) - begin[target]
    chosen = torch.zeros(len(edge) + 1, dtype=torch.int64, device=edge.device)
    chosen[order + 1] = (rank < fanout).long()
    before = chosen.cumsum(0)
    kept = chosen[1:] > 0
    column = (before[:-1] - before[begin[target]])[kept]
    positions = torch.full((len(nodes), fanout), -1, dtype=torch.int64, device=nodes.device)
    positions[target[kept], column] = edge[kept]
    return _look_up(row, positions, positions >= 0)


def every_edge(colptr: Tensor, nodes: Tensor) -> tuple[Tensor, Tensor]:
    """Return the target's position and the position in ``row`` of all edges of targets, in order."""
    node = nodes.clamp(min=0)
    degree = torch.where(nodes >= 0, colptr[node + 1] - colptr[node], 0)
    target = torch.repeat_interleave(degree)
    begin = degree.cumsum(0) - degree
    return target, torch.arange(len(target), device=nodes.device) + (colptr[node] - begin)[target]


def _look_up(row: Tensor, edge: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    if not row.numel():
        return torch.full_like(edge, -1), torch.full_like(edge, -1)
    source = row[torch.where(real, edge, 0)].long()
    return torch.where(real, source, -1), torch.where(real, edge, -1)
