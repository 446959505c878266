"""Attention over the instances of a bag."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from xgraph.checks import integer
from xgraph.estimators import GammaSchedule, RatioMovingAverage, StateTable
from xgraph.nn.bags.pooling.base import RESTART_LAG, BagPooling, wide
from xgraph.nn.bags.pooling.segments import Bags


class AttentionPooling(BagPooling):
    r"""Attention pooling: a weighted mean of a bag's instances with learned weights (Ilse et al., ICML 2018).

    .. math:: h = \sum_x \mathrm{softmax}(g)(x) \, s(x), \qquad g = w^\top \tanh(V e)
              \quad\text{or gated}\quad  g = w^\top (\tanh(V e) ⊙ \mathrm{sigmoid}(U e))

    These are equations (6.107) and (6.108) of the chapter. s are the embeddings e or, if given, `value`: passing the
    instances' scores as `value` pools scores. V and U have biases; w has none because it would have no effect.

    With a state per bag, the numerator and the denominator u = [mean e^g s, mean e^g] are tracked over the sampled
    instances, and h = u₁/u₂ has the gradient (6.113) (MIDAM; Zhu et al., ICML 2023). The table stores h and log u₂ to
    avoid overflow: C + 1 numbers per bag and head. A batch with very large g can leave u₂ far above all later values; a
    bag whose state is more than e^50 above its newest estimate is reset. :class:`BagPooling` explains the state and
    lists the errors.

    With several heads, each head has its own weights and pools an equal share of the columns. With as many heads as
    score columns, each task has its own attention.

    Args:
        in_channels: Size of the embeddings e.
        hidden_channels: Number of rows of V and U.
        gated: Whether to use gated attention.
        heads: Number of heads H, which must divide the number of pooled columns.
        num_bags: Number of bags in the data set, to keep a state per bag; None for no state.
        gamma: Weight of the new value in the state, in (0, 1], or a schedule over epochs.
        channels: Number of pooled columns, to create the table now; None creates it at the first batch.
        max_lag: Maximum of log u₂ above its newest estimate. A bag that exceeds 50 is reset in any case.
        validate: Whether to check bags, ids and that written values are finite. This forces a device synchronisation.

    Example:
        >>> pool = AttentionPooling(in_channels=8, num_bags=100, gamma=0.9)
        >>> e, bag, ids = torch.randn(5, 8), torch.tensor([0, 0, 0, 1, 1]), torch.tensor([7, 42])
        >>> pool(e, bag, dim_size=2, bag_id=ids).shape
        torch.Size([2, 8])
        >>> AttentionPooling(in_channels=8)(e, bag, dim_size=2, value=torch.randn(5, 1)).shape
        torch.Size([2, 1])
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int = 64,
        gated: bool = False,
        heads: int = 1,
        num_bags: int | None = None,
        gamma: float | GammaSchedule = 0.9,
        *,
        channels: int | None = None,
        max_lag: float = math.inf,
        validate: bool = True,
    ) -> None:
        super().__init__(num_bags, gamma, channels, max_lag, validate)
        self.in_channels = integer("in_channels", in_channels)
        self.hidden_channels = integer("hidden_channels", hidden_channels)
        self.heads = integer("heads", heads)
        self.content = nn.Linear(in_channels, hidden_channels)
        self.gate = nn.Linear(in_channels, hidden_channels) if gated else None
        self.score = nn.Linear(hidden_channels, heads, bias=False)
        self._make_now()

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
        value: Tensor | None = None,
    ) -> Tensor:
        """Pool the instances of each bag. Other arguments and errors are those of `BagPooling.forward`.

        Args:
            x: Embeddings e. Shape ``[N, in_channels]``.
            value: Values to pool; by default `x`. Shape ``[N, C]``.

        Returns:
            The pooled values, in the type of `value`. Shape ``[B, C]``.
        """
        bags = self.bags(x, index, ptr, dim_size, dim)
        return self.finish(self.estimate(x, bags, value), x if value is None else value, bag_id)

    def estimate(self, x: Tensor, bags: Bags, value: Tensor | None = None) -> Tensor:
        """Return the weighted means and the logarithms of mean e^g, ``[B, heads, C / heads + 1]``."""
        value = x if value is None else value
        if value.dim() != 2 or value.size(0) != x.size(0):
            raise ValueError(f"value must have shape [{len(x)}, C], one row per instance, got {list(value.shape)}")
        weight, log_mean = bags.softmax(self.logits(x))
        dtype = torch.promote_types(weight.dtype, value.dtype)
        mean = bags.weighted_sum(weight.to(dtype), value.to(dtype))
        return torch.cat([mean, log_mean[..., None].to(dtype)], -1)

    def logits(self, x: Tensor) -> Tensor:
        """Return the attention logits g, ``[N, heads]``, in float32 or wider."""
        if x.dim() != 2 or x.size(1) != self.in_channels:
            raise ValueError(f"embeddings must have shape [N, {self.in_channels}], got {list(x.shape)}")
        hidden = self.content(x).tanh_()  # in place: with 160,000 instances, allocation costs as much as the layer
        if self.gate is not None:
            hidden = hidden * self.gate(x).sigmoid_()
        return wide(self.score(hidden))

    def read_out(self, row: Tensor) -> Tensor:
        """Return the weighted means, ``[B, C]``."""
        return row[..., :-1].flatten(1)

    def shape(self, channels: int) -> tuple[int, ...]:
        """Return the shape of a row: for each head, its columns and log mean e^g."""
        if channels % self.heads:
            raise ValueError(f"heads must divide the number of pooled columns, {channels}, got {self.heads}")
        return (self.heads, channels // self.heads + 1)

    def make_table(self, shape: tuple[int, ...]) -> StateTable:
        """Create a table of ratios."""
        return RatioMovingAverage(
            self.num_bags or 1,
            shape[-1] - 1,
            shape[:-1],
            self.schedule,
            max_lag=self.max_lag,
            restart_lag=RESTART_LAG,
            validate=self.validate,
        )

    def weights(
        self, x: Tensor, index: Tensor | None = None, ptr: Tensor | None = None, dim_size: int | None = None
    ) -> Tensor:
        """Return the attention weights, which sum to one in each bag. Shape ``[N, heads]``."""
        return self.bags(x, index, ptr, dim_size).softmax(self.logits(x))[0]

    def reset_parameters(self) -> None:
        """Reinitialise the weights and clear the state of all bags."""
        super().reset_parameters()
        for layer in (self.content, self.gate, self.score):
            if layer is not None:
                layer.reset_parameters()

    def extra_repr(self) -> str:
        """Show the sizes and the state."""
        sizes = f"{self.in_channels}, hidden_channels={self.hidden_channels}, gated={self.gate is not None}"
        return ", ".join(filter(None, [f"{sizes}, heads={self.heads}", super().extra_repr()]))
