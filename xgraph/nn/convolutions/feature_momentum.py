"""Feature momentum: a moving average of each node's aggregated features."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from xgraph.checks import integer
from xgraph.estimators import GammaSchedule, MovingAverage, RatioMovingAverage
from xgraph.nn.convolutions.table_options import TableOptions


class FeatureMomentum(nn.Module):
    r"""Feature momentum: a table with a moving average of each node's aggregated neighbour features.

    .. math:: \tilde h_v ← (1 - γ) \tilde h_v + γ \hat A_v \quad \text{for the nodes } v \text{ computed in the batch}

    :math:`\hat A_v` is the aggregate over the few sampled neighbours of v, and :math:`\tilde h_v` replaces it in the
    layer's update. After a few epochs :math:`\tilde h_v` has averaged over many neighbours, although each step sampled
    only a few. A node's first :math:`\hat A_v` is stored unchanged. Equations (6.104) and (6.105) of the chapter; Yu et
    al., "GraphFM: Improving Large-Scale GNN Training via Feature Momentum", ICML 2022 (whose β is the weight of the old
    value, 1 − γ).

    Every layer needs its own table and must be applied exactly once per training step: do not share it between layers
    of a model, and do not recompute it for the gradient (``torch.utils.checkpoint``). The table holds
    ``num_nodes * channels`` numbers. For the 111,059,956 nodes of ogbn-papers100M, 256 channels in bfloat16 take
    53 GiB; such a table can be a memory-mapped file.

    Args:
        num_nodes: Number of nodes in the whole graph.
        channels: Size or shape of one node's aggregate.
        gamma: Weight γ of the new value, in (0, 1], or a schedule over epochs; None takes it from `table`.
        ratio: Whether a row holds a weighted mean followed by the logarithm of its total weight, as in attention.
            Numerator and denominator are then tracked (:class:`xgraph.estimators.RatioMovingAverage`).
        table: Options of the table: how it is updated and where it is stored.
        options: Options of `TableOptions` by name: `gradient`, `dtype`, `storage`, `folder`, `in_checkpoint`.

    Attributes:
        table: The moving average, with its buffers ``value`` and ``seen``.

    Raises:
        ValueError: If an argument is out of range.
        TypeError: If an argument has the wrong type.

    Example:
        >>> momentum = FeatureMomentum(num_nodes=100, channels=2, gamma=0.5)
        >>> node = torch.tensor([7])
        >>> momentum(torch.tensor([[1.0, 0.0]]), node)
        tensor([[1., 0.]])
        >>> momentum(torch.tensor([[2.0, 2.0]]), node)
        tensor([[1.5000, 1.0000]])
    """

    def __init__(
        self,
        num_nodes: int,
        channels: int | tuple[int, ...],
        gamma: float | GammaSchedule | None = None,
        *,
        ratio: bool = False,
        table: TableOptions | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        own = (table or TableOptions()).updated(options if gamma is None else {"gamma": gamma, **options})
        integer("num_nodes", num_nodes)
        shape = tuple(channels) if isinstance(channels, tuple | list) else (channels,)
        if not shape:
            raise ValueError("channels must be an integer or a non-empty shape, got ()")
        for position, length in enumerate(reversed(shape)):
            integer("channels", length, 2 if ratio and position == 0 else 1)
        rows: dict[str, Any] = {"gradient": own.gradient, "dtype": own.dtype, "watch": False, "folder": own.folder}
        rows |= {"storage": own.storage, "in_checkpoint": own.in_checkpoint}
        self.num_nodes, self.shape, self.storage = num_nodes, shape, own.storage
        self.table: MovingAverage | RatioMovingAverage
        if ratio:
            self.table = RatioMovingAverage(num_nodes, shape[-1] - 1, shape[:-1], own.gamma, **rows)
        else:
            self.table = MovingAverage(num_nodes, shape, own.gamma, **rows)

    @property
    def gamma(self) -> float:
        """Weight of the new value in the current epoch."""
        return self.table.gamma

    def forward(self, aggregate: Tensor, n_id: Tensor, computed: Tensor | None = None) -> Tensor:
        """Update the rows of the computed nodes, and return the rows of all nodes.

        A node whose neighbours are not in the batch, such as a node of the last hop, is not computed: its row is
        returned unchanged and without a gradient. If the node has no row yet, its given aggregate is returned. In
        evaluation mode the aggregates are returned unchanged and nothing is written.

        Args:
            aggregate: Aggregates of the nodes. Shape ``[B, *channels]``.
            n_id: Index of each node in the whole graph. If a node occurs more than once, its row is updated once, with
                the mean of its aggregates. Shape ``[B]``.
            computed: Boolean mask of the nodes that were computed; None means all. Shape ``[B]``.

        Returns:
            The rows, in float32 or wider in training. Shape ``[B, *channels]``.

        Raises:
            ValueError: If a shape is wrong, or the aggregate of a computed node is not finite.
            IndexError: If an index in `n_id` is out of range; nothing is written in this case.
            TypeError: If `n_id` does not hold integers or `computed` does not hold booleans.
        """
        if not self.training:
            return aggregate
        self._check(aggregate, n_id, computed)
        aggregate = aggregate.to(torch.promote_types(aggregate.dtype, torch.float32))
        if computed is None or bool(computed.all()):
            out: Tensor = self.table(aggregate, n_id)
            return out
        rows = computed.nonzero().view(-1)
        moved = self.table(aggregate.index_select(0, rows), n_id.index_select(0, rows))
        return self.table.read(n_id.long(), aggregate).index_copy(0, rows, moved)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, counted from 0, for a schedule of γ."""
        self.table.set_epoch(epoch)

    def reset_parameters(self) -> None:
        """Clear the table."""
        self.table.reset_parameters()

    def extra_repr(self) -> str:
        """Show the arguments."""
        table = self.table
        channels = self.shape[0] if len(self.shape) == 1 else self.shape
        shown = f"{self.num_nodes}, channels={channels}, gamma={getattr(table.schedule, 'gamma', table.schedule)}"
        usual: list[tuple[str, object, object]] = [
            ("ratio", isinstance(table, RatioMovingAverage), False),
            ("gradient", table.gradient, "straight_through"),
            ("dtype", table.value.dtype, torch.float32),
            ("storage", self.storage, "device"),
            ("in_checkpoint", table.in_checkpoint, True),
        ]
        return shown + "".join(f", {name}={value!r}" for name, value, default in usual if value != default)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.extra_repr()})"

    def _check(self, aggregate: Tensor, n_id: Tensor, computed: Tensor | None) -> None:
        if not isinstance(n_id, Tensor) or n_id.is_floating_point() or n_id.dtype == torch.bool:
            got = n_id.dtype if isinstance(n_id, Tensor) else type(n_id).__name__
            raise TypeError(f"n_id must be a tensor of integers, got {got}")
        if aggregate.shape[1:] != self.shape:
            raise ValueError(
                f"aggregate must have shape [B, {', '.join(map(str, self.shape))}], got {list(aggregate.shape)}"
            )
        count = [len(aggregate)]
        if list(n_id.shape) != count:
            raise ValueError(f"n_id must have one entry per aggregate, shape {count}, got {list(n_id.shape)}")
        if computed is not None:
            if computed.dtype != torch.bool:
                raise TypeError(f"computed must be a boolean tensor, got {computed.dtype}")
            if list(computed.shape) != count:
                raise ValueError(f"computed must have shape {count}, got {list(computed.shape)}")
        if not n_id.numel():
            return
        low, high = (int(i) for i in n_id.aminmax())
        if low < 0 or high >= self.num_nodes:
            raise IndexError(
                f"n_id must be between 0 and {self.num_nodes - 1}, as the table has num_nodes={self.num_nodes}, got "
                f"{low if low < 0 else high}; if the graph has grown or changed, create a new layer with its num_nodes "
                "(you can copy the weights, but not the table)"
            )

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        seen = state_dict.get(prefix + "table.seen")
        if isinstance(seen, Tensor) and self.table.in_checkpoint and len(seen) != self.num_nodes:
            error_msgs.append(
                f"{prefix}table belongs to a graph with {len(seen)} nodes, but num_nodes={self.num_nodes}: a table "
                "cannot be used for another graph; remove its entries and load with strict=False"
            )
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )
