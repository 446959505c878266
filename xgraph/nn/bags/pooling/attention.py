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
    r"""Pools a bag by attention: a mean of its instances with learned weights (Ilse et al., ICML 2018).

    .. math:: h = \sum_x \mathrm{softmax}(g)(x) \, s(x), \qquad g = w^\top \tanh(V e)
              \quad\text{or gated}\quad  g = w^\top (\tanh(V e) ⊙ \mathrm{sigmoid}(U e))

    (6.107) and (6.108) of the chapter, s being the embeddings e or what is given as `value`: with the instances'
    scores, pooled scores come out. V and U have biases; w, whose bias would change nothing, has none.

    With a state per bag, numerator and denominator u = [mean e^g s, mean e^g] are tracked over the instances that were
    sampled, and h = u₁/u₂ has the gradient (6.113) (MIDAM; Zhu et al., ICML 2023). What is kept is h and log u₂, so
    that nothing overflows: C + 1 numbers a bag and head. One batch of huge g leaves u₂ far above all later ones;
    beyond e^50 a bag starts anew. More on bags and their state: :class:`BagPooling`, whose errors are those here.

    With several heads each has weights of its own, for an equal share of the columns. So with as many heads as
    columns of scores, each task attends to instances of its own.

    Args:
        in_channels: Length of the embeddings e.
        hidden_channels: Rows of V and U.
        gated: Whether to gate.
        heads: Number of heads H, which divides the number of columns that are pooled.
        num_bags: Number of bags in the data set, if there is to be a state per bag.
        gamma: Weight of the new value in the state, in (0, 1], or a schedule of it over epochs.
        channels: Number of columns that are pooled, if the table is to be created now; None: at the first batch.
        max_lag: Bound on log u₂ above its newest estimate; inf: none. Beyond 50 a bag starts anew in any case.
        validate: Check bags and ids, and that what is written is finite, which forces a device synchronisation.

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
        """Pool the instances of each bag: arguments and errors as `BagPooling.forward` has them, and two differences.

        Args:
            x: Embeddings e. Shape ``[N, in_channels]``.
            value: What is pooled, by default `x`. Shape ``[N, C]``.

        Returns:
            Shape ``[B, C]``, of the type of what is pooled.
        """
        bags = self.bags(x, index, ptr, dim_size, dim)
        return self.finish(self.estimate(x, bags, value), x if value is None else value, bag_id)

    def estimate(self, x: Tensor, bags: Bags, value: Tensor | None = None) -> Tensor:
        """The weighted means, and the logarithms of the means of e^g: ``[B, heads, C / heads + 1]``."""
        value = x if value is None else value
        if value.dim() != 2 or len(value) != len(x):
            raise ValueError(f"value must have shape [{len(x)}, C], a row for each instance, got {list(value.shape)}")
        weight, log_mean = bags.softmax(self.logits(x))
        dtype = torch.promote_types(weight.dtype, value.dtype)
        mean = bags.weighted_sum(weight.to(dtype), value.to(dtype))
        return torch.cat([mean, log_mean[..., None].to(dtype)], -1)

    def logits(self, x: Tensor) -> Tensor:
        """The logits g of the attention, ``[N, heads]``, in float32 at least."""
        if x.dim() != 2 or x.size(1) != self.in_channels:
            raise ValueError(f"embeddings must have shape [N, {self.in_channels}], got {list(x.shape)}")
        hidden = self.content(x).tanh_()  # in place: of 160,000 instances, new memory costs as much as the layer
        if self.gate is not None:
            hidden = hidden * self.gate(x).sigmoid_()
        return wide(self.score(hidden))

    def read_out(self, row: Tensor) -> Tensor:
        """The weighted means, ``[B, C]``."""
        return row[..., :-1].flatten(1)

    def shape(self, channels: int) -> tuple[int, ...]:
        """Heads, and for each its columns and log mean e^g."""
        if channels % self.heads:
            raise ValueError(f"heads must divide the {channels} columns that are pooled, got {self.heads}")
        return (self.heads, channels // self.heads + 1)

    def make_table(self, shape: tuple[int, ...]) -> StateTable:
        """A table of ratios."""
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
        """The attention: softmaxes of g, which sum to one in each bag. Shape ``[N, heads]``."""
        return self.bags(x, index, ptr, dim_size).softmax(self.logits(x))[0]

    def reset_parameters(self) -> None:
        """Reinitialise the weights and forget the state of all bags."""
        super().reset_parameters()
        for layer in (self.content, self.gate, self.score):
            if layer is not None:
                layer.reset_parameters()

    def extra_repr(self) -> str:
        """Sizes and the state."""
        sizes = f"{self.in_channels}, hidden_channels={self.hidden_channels}, gated={self.gate is not None}"
        return ", ".join(filter(None, [f"{sizes}, heads={self.heads}", super().extra_repr()]))
