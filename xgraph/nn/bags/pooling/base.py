"""The base of all bag poolings: the bags of a batch, and a state per bag."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch_geometric.nn.aggr import Aggregation

from xgraph.checks import integer, number
from xgraph.estimators import GammaSchedule, StateTable
from xgraph.estimators.moving_rows import Exchange
from xgraph.estimators.rows import INTEGERS
from xgraph.estimators.schedules import as_schedule
from xgraph.nn.bags.pooling.segments import Bags

RESTART_LAG = 50.0
"""A state more than e^50 above its newest estimate has no gradient in float32, so it is reset."""


class BagPooling(Aggregation):  # type: ignore[misc]
    """Base class of the bag poolings, which are PyG aggregations.

    Bags may have any size, and their instances may come in any order. Computation is in float32 or wider. The result
    has the type of the input or, under autocast, the type of the computation.

    With `num_bags` the pooling keeps a table with one row per bag. In training, if `bag_id` is given, the table is
    updated with the batch's estimate for each bag. The result has the value of the table and the gradient of the batch,
    so a few sampled instances of a bag are enough (see :mod:`xgraph.estimators`). In evaluation mode or without
    `bag_id`, nothing is written and only the given instances are pooled. If a bag occurs several times in a batch, it
    is updated once, with the mean.

    Args:
        num_bags: Number of bags in the data set, to keep a state per bag; None for no state.
        gamma: Weight of the new value in the state, in (0, 1], or a schedule over epochs.
        channels: Number of pooled columns, to create the table now; None creates it at the first batch.
        max_lag: Maximum of a state's logarithm above its newest estimate.
        validate: Whether to check bags, ids and that written values are finite. This forces a device synchronisation.
            Without it, invalid input is undefined behaviour, and the pooling compiles as one graph if `channels` is
            given.

    Raises:
        ValueError: If an argument is out of range.
        TypeError: If an argument has the wrong type.
    """

    skips_infinite = False
    """Whether estimates that are not finite are passed on; see :func:`xgraph.estimators.skip_infinite`."""

    def __init__(
        self,
        num_bags: int | None,
        gamma: float | GammaSchedule,
        channels: int | None,
        max_lag: float = math.inf,
        validate: bool = True,
    ) -> None:
        super().__init__()
        self.num_bags = None if num_bags is None else integer("num_bags", num_bags)
        self.channels = None if channels is None else integer("channels", channels)
        self.schedule = as_schedule(gamma)
        self.max_lag = number("max_lag", max_lag, 0, math.inf, "(]")
        self.validate = bool(validate)
        self.epoch = 0
        self.track: StateTable | None = None
        self.exchange: Exchange | None = None  # of a table that the first batch creates; see `StateTable`

    def forward(
        self,
        x: Tensor,
        index: Tensor | None = None,
        ptr: Tensor | None = None,
        dim_size: int | None = None,
        dim: int = -2,
        max_num_elements: int | None = None,
        *,
        bag_id: Tensor | None = None,
    ) -> Tensor:
        """Pool the instances of each bag.

        Args:
            x: Vectors or scores of the instances. Shape ``[N, C]``.
            index: For each instance, the position of its bag in the batch. Shape ``[N]``.
            ptr: Boundaries of the bags, as an alternative to `index` for sorted instances. Shape ``[B + 1]``.
            dim_size: Number of bags B. If not given, it is one more than the largest index, which forces a device
                synchronisation.
            dim: Dimension of the instances; must be 0 or -2.
            max_num_elements: Not used.
            bag_id: Row of each bag in the table. Shape ``[B]``.

        Returns:
            The pooled values. Shape ``[B, C]``.

        Raises:
            ValueError: If a bag has no instances, a shape is wrong, or a value to be written is not finite.
            IndexError: If a bag is not below `dim_size`, or an id is not below `num_bags`.
            TypeError: If `index` or `bag_id` does not hold integers, or `x` does not hold floating-point numbers.
        """
        bags = self.bags(x, index, ptr, dim_size, dim)
        return self.finish(self.estimate(x, bags), x, bag_id)

    def bags(self, x: Tensor, index: Tensor | None, ptr: Tensor | None, dim_size: int | None, dim: int = -2) -> Bags:
        """Return the assignment of instances to bags. For the arguments see `forward`."""
        if dim not in (-2, 0):
            raise ValueError(f"dim must be the dimension of the instances, 0 or -2, got {dim}")
        if not x.is_floating_point():
            raise TypeError(f"x must hold floating-point numbers, got {x.dtype}")
        return Bags.of(x, index, ptr, dim_size, self.validate)

    def estimate(self, x: Tensor, bags: Bags) -> Tensor:
        """Return the batch's estimate for each bag, as a row of the table."""
        raise NotImplementedError

    def read_out(self, row: Tensor) -> Tensor:
        """Return the pooled values for rows of the table, ``[B, C]``."""
        raise NotImplementedError

    def make_table(self, shape: tuple[int, ...]) -> StateTable:
        """Create a table with rows of the given shape."""
        raise NotImplementedError

    def shape(self, channels: int) -> tuple[int, ...]:
        """Return the shape of a row of the table for a number of pooled columns."""
        return (channels,)

    def weights(
        self, x: Tensor, index: Tensor | None = None, ptr: Tensor | None = None, dim_size: int | None = None
    ) -> Tensor:
        """Return the weight of each instance in its bag: the gradient of the pooled values. Shape ``[N, C]``."""
        raise NotImplementedError

    def finish(self, estimate: Tensor, x: Tensor, bag_id: Tensor | None) -> Tensor:
        """Track the estimates if there is a table, and return the pooled values in the type of `x`."""
        if self.num_bags is not None and bag_id is not None and self.training:
            if self.validate:
                _check_ids(bag_id, len(estimate), self.num_bags)
            estimate = self.table(estimate)(estimate, bag_id)
        out = self.read_out(estimate)
        return out if torch.is_autocast_enabled(x.device.type) else out.to(x.dtype)

    def table(self, estimate: Tensor) -> StateTable:
        """Return the table for the estimates, creating it at the first batch."""
        shape = tuple(estimate.shape[1:])
        if self.track is None:
            self.track = self.make_table(shape).to(estimate.device)
            self.track.set_epoch(self.epoch)
            self.track.exchange = self.exchange
            self.track.skips_infinite = self.skips_infinite
            if estimate.dtype == torch.float64:
                self.track.double()
        elif self.track.shape != shape:
            raise ValueError(
                f"the state per bag has rows of shape {list(self.track.shape)}, got {list(shape)}: the number of "
                "pooled columns must not change"
            )
        return self.track

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, counted from 0, for a schedule of γ."""
        self.epoch = epoch
        if self.track is not None:
            self.track.set_epoch(epoch)

    def reset_parameters(self) -> None:
        """Clear the state of all bags, and reinitialise the weights if there are any."""
        if self.track is not None:
            self.track.reset_parameters()

    def extra_repr(self) -> str:
        """Show the options of the state."""
        return "" if self.num_bags is None else f"num_bags={self.num_bags}, gamma={self.schedule}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.extra_repr()})"

    def _make_now(self) -> None:
        """Create the table if the number of pooled columns is known."""
        if self.channels is not None:
            shape = self.shape(self.channels)
            self.track = None if self.num_bags is None else self.make_table(shape)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        saved = state_dict.get(f"{prefix}track.value")
        if self.track is None and self.num_bags is not None and saved is not None:
            self.track = self.make_table(tuple(saved.shape[1:])).to(saved.dtype)  # its values are loaded next
            self.track.exchange = self.exchange
        super()._load_from_state_dict(state_dict, prefix, *rest)


def wide(x: Tensor) -> Tensor:
    """Convert to float32 unless the type is wider."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _check_ids(bag_id: Tensor, size: int, num_bags: int) -> None:
    if not isinstance(bag_id, Tensor) or bag_id.dtype not in INTEGERS:
        got = bag_id.dtype if isinstance(bag_id, Tensor) else type(bag_id).__name__
        raise TypeError(f"bag_id must be a tensor of integers, got {got}")
    if bag_id.shape != (size,):
        raise ValueError(f"bag_id must have shape [{size}], one id per bag, got {list(bag_id.shape)}")
    if size:
        low, high = torch.stack(bag_id.aminmax()).tolist()
        if low < 0 or high >= num_bags:
            bad = low if low < 0 else high
            raise IndexError(f"bag_id must be between 0 and {num_bags - 1} (num_bags={num_bags}), got {bad}")
