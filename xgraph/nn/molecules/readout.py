"""Pooling of node vectors to graph vectors."""

from typing import Any, Literal, get_args

import torch
from torch import Tensor

from xgraph.checks import choice
from xgraph.nn.layers.recording import is_recorded

Pool = Literal["mean", "sum", "max"]


def readout(x: Tensor, graph: Tensor, num_graphs: int, pool: Pool = "mean") -> Tensor:
    """Pool the node vectors of each graph; a graph without nodes gets zeros.

    Sums are computed in float32 or wider. No device synchronisation is needed.

    Args:
        x: Node vectors. Shape ``[N, C]``.
        graph: Graph of each node. Shape ``[N]``.
        num_graphs: Number of graphs B.
        pool: "mean", "sum" or "max".

    Returns:
        Graph vectors in the type of `x`. Shape ``[B, C]``.

    Raises:
        ValueError: If `pool` is unknown.

    Example:
        >>> readout(torch.tensor([[1.0], [3.0], [5.0]]), torch.tensor([0, 0, 2]), 3)
        tensor([[2.],
                [0.],
                [5.]])
    """
    choice("pool", pool, get_args(Pool))
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    if pool == "max":
        if is_recorded():
            largest = _Max.forward(wide, graph, num_graphs)
        else:
            largest = _Max.apply(wide, graph, num_graphs)  # type: ignore[no-untyped-call]
        return largest.to(x.dtype)
    out = wide.new_zeros(num_graphs, x.size(1)).index_add(0, graph, wide)
    if pool == "mean":
        count = wide.new_zeros(num_graphs).index_add(0, graph, wide.new_ones(graph.size(0)))
        out = out / count.clamp(min=1).unsqueeze(1)
    return out.to(x.dtype)


def sum_rows(rows: Tensor, group: Tensor, num_groups: int) -> Tensor:
    """Return the sum of the rows of each group, in their own dtype."""
    return rows.new_zeros(num_groups, rows.size(1)).index_add(0, group, rows)


class _Max(torch.autograd.Function):
    """Column-wise maximum over each graph; ties share the gradient equally."""

    @staticmethod
    def forward(x: Tensor, graph: Tensor, num_graphs: int) -> Tensor:
        index = graph.unsqueeze(1).expand_as(x)
        return x.new_zeros(num_graphs, x.size(1)).scatter_reduce(0, index, x, "amax", include_self=False)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, int], output: Tensor) -> None:
        x, graph, _ = inputs
        ctx.save_for_backward(x, graph, output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        x, graph, out = ctx.saved_tensors
        chosen = (x == out.index_select(0, graph)).to(x.dtype)
        count = (out == 0).to(x.dtype).index_add(0, graph, chosen)
        return chosen * (grad / count.clamp(min=1)).index_select(0, graph), None, None
