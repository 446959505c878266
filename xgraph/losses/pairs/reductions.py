"""Reductions of each anchor's pair losses to a few numbers: mean, log-mean-exp, excess over a threshold, tail."""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor

from xgraph.losses.pairs.blocks import Block, rows_of


class Reduction(Protocol):
    """Maps the pair losses of each anchor, ``[r, N]``, to one or K numbers, and computes the derivative."""

    def value(self, block: Block) -> Tensor:
        """Compute the reduction, ``[r]`` or ``[K, r]``."""

    def slope(self, block: Block, grad: Tensor) -> Tensor:
        """Compute Σ_k grad_k ∂value_k/∂ℓ, ``[r, N]``; ``grad`` has the shape of `value`."""


class Mean:
    """mean_j ℓ_ij with weights ``share [T, N]``; here and below, ``None`` means uniform weights."""

    def __init__(self, share: Tensor | None) -> None:
        self.share = share

    def value(self, block: Block) -> Tensor:
        return _average(block.values, self.share, block)

    def slope(self, block: Block, grad: Tensor) -> Tensor:
        return grad.unsqueeze(1) * _weight(self.share, block)


class Sums:
    """Σ_j weight_kj ℓ_ij with constant weights ``[K, T, N]``."""

    def __init__(self, weights: Tensor) -> None:
        self.weights = weights

    def value(self, block: Block) -> Tensor:
        weights = rows_of(self.weights, block.task)
        if weights.shape[1] == 1:  # without K values per pair, which take more time and memory than all the rest
            return weights[:, 0] @ block.values.t()
        return (block.values * weights).sum(2)

    def slope(self, block: Block, grad: Tensor) -> Tensor:
        weights = rows_of(self.weights, block.task)
        if weights.shape[1] == 1:
            return grad.t() @ weights[:, 0]
        return (grad.unsqueeze(2) * weights).sum(0)


class LogMeanExp:
    """log mean_j exp(ℓ_ij / τ)."""

    def __init__(self, temperature: float, share: Tensor | None) -> None:
        self.scale = 1 / temperature
        self.log_share = None if share is None else share.log()

    def value(self, block: Block) -> Tensor:
        exponent = self._exponent(block)
        block.kept = exponent.softmax(1)  # a single pass, several times faster than PyTorch's logsumexp or exp
        out = exponent.amax(1) - block.kept.amax(1).log()  # the largest share is exp(largest − logsumexp)
        return out if self.log_share is not None else out - math.log(block.values.shape[1])

    def slope(self, block: Block, grad: Tensor) -> Tensor:
        softmax = self._exponent(block).softmax(1) if block.kept is None else block.kept
        return softmax * (grad * self.scale).unsqueeze(1)

    def _exponent(self, block: Block) -> Tensor:
        scaled = block.values if self.scale == 1 else block.values * self.scale
        return scaled if self.log_share is None else scaled + rows_of(self.log_share, block.task)


class Excess:
    """mean_j (ℓ_ij − ν_i)₊; after a pass, ``above`` holds the shares of j with ℓ_ij > ν_i, ``[R]``."""

    def __init__(self, threshold: Tensor, share: Tensor | None) -> None:
        self.threshold, self.share = threshold, share
        self.above = torch.empty_like(threshold)

    def value(self, block: Block) -> Tensor:
        excess = self._over(block).clamp_min_(0)
        above = _average((excess > 0).to(excess.dtype), self.share, block)
        if block.span is None:
            self.above = above
        else:
            block.part(self.above).copy_(above)
        return _average(excess, self.share, block)

    def slope(self, block: Block, grad: Tensor) -> Tensor:
        above = (self._over(block) > 0).to(grad.dtype)
        return above.mul_(grad.unsqueeze(1) * _weight(self.share, block))

    def _over(self, block: Block) -> Tensor:
        return block.values - block.part(self.threshold).unsqueeze(1)


class Tail:
    """The sum of the largest β·N of the ℓ_ij (the last one partially), divided by N: β times their CVaR."""

    def __init__(self, top: float, share: Tensor | None, weighted: bool = False) -> None:
        self.top, self.share, self.weighted = top, share, weighted

    def value(self, block: Block) -> Tensor:
        return (self._weights(block) * block.values).sum(1)

    def slope(self, block: Block, grad: Tensor) -> Tensor:
        return self._weights(block) * grad.unsqueeze(1)

    def _weights(self, block: Block) -> Tensor:
        share = None if self.share is None else rows_of(self.share, block.task)
        if share is not None and self.weighted:
            return _tail_of_shares(block.values, share, self.top)
        return tail_weights(block.values, None if share is None else share > 0, self.top)


def tail_weights(values: Tensor, known: Tensor | None, top: float) -> Tensor:
    """Weight each row's top·n largest of n known values by 1/n, the last one partially; ``[r, N]``, sums to ``top``."""
    if known is None:
        count = values.new_full((len(values), 1), values.shape[1])
    else:
        count = known.sum(1, keepdim=True).to(values.dtype)
        values = values.masked_fill(~known, -torch.inf)
    order = values.sort(dim=1, descending=True, stable=True).indices
    rank = torch.arange(values.shape[1], dtype=values.dtype, device=values.device)
    ranked = (count * top - rank).clamp_(0, 1) / count.clamp_min(1)
    return torch.zeros_like(values).scatter_(1, order, ranked.expand_as(values))


def _tail_of_shares(values: Tensor, share: Tensor, top: float) -> Tensor:
    """Weight the largest values of each row by their shares, up to a total of ``top``; ``[r, N]``."""
    order = values.masked_fill(share == 0, -torch.inf).sort(dim=1, descending=True, stable=True).indices
    ranked = share.expand_as(values).gather(1, order)
    ranked = (top - (ranked.cumsum(1) - ranked)).clamp_min_(0).minimum(ranked)
    return torch.zeros_like(values).scatter_(1, order, ranked.expand_as(values))


def quantiles(values: Tensor, known: Tensor | None, q: float) -> Tensor:
    """Compute the q-quantile of each row's known values, ``[r]``, with linear interpolation as in `torch.quantile`."""
    if known is not None:
        values = values.masked_fill(~known, torch.inf)
    ordered = values.sort(1).values
    last = values.shape[1] - 1 if known is None else known.sum(1, keepdim=True) - 1
    position = q * (values.new_ones(len(values), 1) * last)  # not `as_tensor`, which fixes the size of compiled graphs
    low = position.floor()
    high = ordered.gather(1, position.ceil().long())
    return torch.lerp(ordered.gather(1, low.long()), high, position - low).squeeze(1)


def _average(values: Tensor, share: Tensor | None, block: Block) -> Tensor:
    return values.mean(1) if share is None else (values * rows_of(share, block.task)).sum(1)


def _weight(share: Tensor | None, block: Block) -> Tensor | float:
    return 1 / block.difference.shape[1] if share is None else rows_of(share, block.task)
