"""From node vectors to graph vectors."""

from typing import Literal, get_args

import torch
from torch import Tensor

Pool = Literal["mean", "sum", "max"]


def check_pool(pool: str) -> None:
    """Refuse an unknown way to pool.

    Args:
        pool: Name to check.
    """
    if pool not in get_args(Pool):
        raise ValueError(f"pool must be one of {', '.join(get_args(Pool))}, got {pool!r}")


def readout(x: Tensor, graph: Tensor, num_graphs: int, pool: Pool = "mean") -> Tensor:
    """Pool the nodes of each graph; a graph without nodes gets zeros.

    Sums run in float32 or wider. The device is never waited for.

    Args:
        x: Node vectors. Shape ``[N, C]``.
        graph: Graph of each node. Shape ``[N]``.
        num_graphs: Number of graphs B.
        pool: "mean", "sum" or "max".

    Returns:
        Graph vectors in the type of `x`. Shape ``[B, C]``.

    Raises:
        ValueError: `pool` is unknown.

    Example:
        >>> readout(torch.tensor([[1.0], [3.0], [5.0]]), torch.tensor([0, 0, 2]), 3)
        tensor([[2.],
                [0.],
                [5.]])
    """
    check_pool(pool)
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    out = wide.new_zeros(num_graphs, x.size(1))
    if pool == "max":
        index = graph.unsqueeze(1).expand_as(wide)
        return out.scatter_reduce(0, index, wide, "amax", include_self=False).to(x.dtype)
    out = out.index_add(0, graph, wide)
    if pool == "mean":
        count = wide.new_zeros(num_graphs).index_add(0, graph, wide.new_ones(graph.size(0)))
        out = out / count.clamp(min=1).unsqueeze(1)
    return out.to(x.dtype)
