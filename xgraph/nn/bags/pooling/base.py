"""What all poolings of bags share: the bags of a batch, and a state per bag."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch_geometric.nn.aggr import Aggregation

from xgraph.checks import integer, number
from xgraph.estimators import GammaSchedule, StateTable
from xgraph.estimators.rows import INTEGERS
from xgraph.estimators.schedules import as_schedule
from xgraph.nn.bags.pooling.segments import Bags

RESTART_LAG = 50.0
"""A state e^50 above its newest estimate passes on no gradient in float32: it starts anew."""


class BagPooling(Aggregation):  # type: ignore[misc]
    """Pools the instances of each bag; base of the poolings here, which are PyG aggregations.

    Bags may be of any sizes, and their instances in any order. Arithmetic is in float32 at least; the result has the
    type of the input, or under autocast that of the arithmetic.

    With `num_bags` there is a table with a row per bag. In training, given `bag_id`, it is moved by what the batch
    says of its bags, and what comes back has the values of the table and the gradient of the batch: so a few sampled
    instances of a bag stand for all (see :mod:`xgraph.estimators`). In eval mode or without `bag_id`, nothing is
    written, and the pooling is that of the instances given. A bag several times in a batch is a mean and one update.

    Args:
        num_bags: Number of bags in the data set, if there is to be a state per bag.
        gamma: Weight of the new value in the state, in (0, 1], or a schedule of it over epochs.
        channels: Number of columns that are pooled, if the table is to be created now; None: at the first batch.
        max_lag: Bound on a state's logarithm above its newest estimate; inf: none.
        validate: Check bags and ids, and that what is written is finite, which forces a device synchronisation. Without
            it bad input is undefined behaviour, and the pooling compiles whole (with `channels` given).

    Raises:
        ValueError: If an argument is out of range.
        TypeError: If one has the wrong type.
    """

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
            x: What the instances have. Shape ``[N, C]``.
            index: Bag of each instance, as position in the batch. Shape ``[N]``.
            ptr: Bounds of the bags instead, where instances are in order. Shape ``[B + 1]``.
            dim_size: Number of bags B. Without it the largest of `index` is looked up, which forces a device
                synchronisation.
            dim: Must be that of the instances.
            max_num_elements: Not needed.
            bag_id: Rows of the table, one for each bag. Shape ``[B]``.

        Returns:
            Shape ``[B, C]``.

        Raises:
            ValueError: If a bag has no instances, a shape is wrong, or what would be written is not finite.
            IndexError: If a bag is not below `dim_size`, or an id not below `num_bags`.
            TypeError: If `index` or `bag_id` does not hold integers, or `x` no floating-point numbers.
        """
        bags = self.bags(x, index, ptr, dim_size, dim)
        return self.finish(self.estimate(x, bags), x, bag_id)

    def bags(self, x: Tensor, index: Tensor | None, ptr: Tensor | None, dim_size: int | None, dim: int = -2) -> Bags:
        """Which instance is in which bag; arguments as those of `forward`."""
        if dim not in (-2, 0):
            raise ValueError(f"dim must be that of the instances, 0 or -2, got {dim}")
        if not x.is_floating_point():
            raise TypeError(f"what is pooled must be floating-point numbers, got {x.dtype}")
        return Bags.of(x, index, ptr, dim_size, self.validate)

    def estimate(self, x: Tensor, bags: Bags) -> Tensor:
        """What the batch says of its bags: a row of the table for each."""
        raise NotImplementedError

    def read_out(self, row: Tensor) -> Tensor:
        """The pooled values of rows, ``[B, C]``."""
        raise NotImplementedError

    def make_table(self, shape: tuple[int, ...]) -> StateTable:
        """A table of rows of a shape."""
        raise NotImplementedError

    def shape(self, channels: int) -> tuple[int, ...]:
        """Shape of a row of the table, by the number of columns that are pooled."""
        return (channels,)

    def weights(
        self, x: Tensor, index: Tensor | None = None, ptr: Tensor | None = None, dim_size: int | None = None
    ) -> Tensor:
        """How much each instance counts in its bag: gradients of the pooled values, which sum to one. ``[N, C]``."""
        raise NotImplementedError

    def finish(self, estimate: Tensor, x: Tensor, bag_id: Tensor | None) -> Tensor:
        """Let the table track the estimates, if there is one, and read out; in the type of the pooled `x`."""
        if self.num_bags is not None and bag_id is not None and self.training:
            if self.validate:
                _check_ids(bag_id, len(estimate), self.num_bags)
            estimate = self.table(estimate)(estimate, bag_id)
        out = self.read_out(estimate)
        return out if torch.is_autocast_enabled(x.device.type) else out.to(x.dtype)

    def table(self, estimate: Tensor) -> StateTable:
        """The table for such estimates: created now, if this is the first batch."""
        shape = tuple(estimate.shape[1:])
        if self.track is None:
            self.track = self.make_table(shape).to(estimate.device)
            self.track.set_epoch(self.epoch)
            if estimate.dtype == torch.float64:
                self.track.double()
        elif self.track.shape != shape:
            raise ValueError(
                f"the state per bag was made for rows of shape {list(self.track.shape)}, got {list(shape)}: "
                "the number of columns that are pooled must stay as it is"
            )
        return self.track

    def set_epoch(self, epoch: int) -> None:
        """Tell the γ schedule which epoch (counted from 0) begins."""
        self.epoch = epoch
        if self.track is not None:
            self.track.set_epoch(epoch)

    def reset_parameters(self) -> None:
        """Forget the state of all bags, and reinitialise the weights if there are any."""
        if self.track is not None:
            self.track.reset_parameters()

    def extra_repr(self) -> str:
        """What the state is."""
        return "" if self.num_bags is None else f"num_bags={self.num_bags}, gamma={self.schedule}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.extra_repr()})"

    def _make_now(self) -> None:
        """Make the table, if it is known for what."""
        if self.channels is not None:
            shape = self.shape(self.channels)
            self.track = None if self.num_bags is None else self.make_table(shape)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        saved = state_dict.get(f"{prefix}track.value")
        if self.track is None and self.num_bags is not None and saved is not None:
            self.track = self.make_table(tuple(saved.shape[1:])).to(saved.dtype)  # is loaded next
        super()._load_from_state_dict(state_dict, prefix, *rest)


def wide(x: Tensor) -> Tensor:
    """The same in float32 at least."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _check_ids(bag_id: Tensor, size: int, num_bags: int) -> None:
    if not isinstance(bag_id, Tensor) or bag_id.dtype not in INTEGERS:
        got = bag_id.dtype if isinstance(bag_id, Tensor) else type(bag_id).__name__
        raise TypeError(f"bag_id must be a tensor of integers, got {got}")
    if bag_id.shape != (size,):
        raise ValueError(f"bag_id must have shape [{size}], one id for each bag, got {list(bag_id.shape)}")
    if size:
        low, high = torch.stack(bag_id.aminmax()).tolist()
        if low < 0 or high >= num_bags:
            bad = low if low < 0 else high
            raise IndexError(f"bag_id must hold numbers from 0 to {num_bags - 1} (num_bags={num_bags}), got {bad}")
