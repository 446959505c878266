"""Reductions of a batch's pairs by sorting its scores."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor

from xgraph.losses.batch import Batch
from xgraph.losses.pairs.anchors import Anchors
from xgraph.losses.pairs.by_pair import ByPair
from xgraph.losses.pairs.choice import REACH, TOLERANCE
from xgraph.losses.pairs.prefixes import Prefixes, Shape
from xgraph.losses.pairs.ranks import Ranks


class Ordered:
    """A batch whose scores are sorted when they are first needed, and the items' weights in that order."""

    ranks: Ranks

    def __init__(self, batch: Batch, anchors: Anchors, shape: Shape) -> None:
        self.batch, self.anchors, self.shape = batch, anchors, shape

    def sort(self, scores: Tensor) -> bool:
        """Sort ``[B, T]`` scores; return False if they are too far apart to be compared by position."""
        if not hasattr(self, "ranks"):
            self.ranks = Ranks(scores.detach().t().contiguous(), self.batch.known.t())
        return self.ranks.reach <= REACH * self.shape.margin

    def shares(self) -> Tensor:
        """Return the weights of positives and of all labelled items, each divided by those of all; ``[2, T, N]``."""
        known = self._weights(self.batch.known)
        return self.ranks.arrange(torch.stack([known * self.batch.positive.t(), known]))

    @cached_property
    def negatives(self) -> Tensor:
        """The shares of the negatives, ``[1, T, N]``."""
        return self.ranks.arrange(self._weights(self.batch.negative)).unsqueeze(0)

    def tail(self, top: float) -> Tensor:
        """Return the shares of the highest negatives up to a total of ``top``, the last one in part; ``[1, T, N]``.

        For a non-decreasing ℓ, these have the largest losses of all anchors of their task.
        """
        shares = self.negatives
        return (top - (shares.cumsum(-1) - shares)).clamp_min_(0).minimum(shares)

    def _weights(self, mask: Tensor) -> Tensor:
        own = self.batch.weighted(mask.double()).t().contiguous()
        return own.div_(own.sum(1, keepdim=True).clamp_min_(torch.finfo(own.dtype).tiny))


def quantile(ordered: Ordered, scores: Tensor, q: float, mask: Tensor) -> Tensor | None:
    """Compute the q-quantile of a non-decreasing ℓ_ij over the negatives for the anchors in ``mask [R]``.

    Returns:
        One number per selected anchor; ``None`` if the scores are too far apart to be sorted.
    """
    if not ordered.sort(scores):
        return None
    ranks, anchors, shape = ordered.ranks, ordered.anchors, ordered.shape
    place = (ordered.negatives[0] > 0).cumsum(-1)
    last = place[:, -1:] - 1
    position = last.double() * q
    low = position.floor()
    nth = torch.cat([last + 1 - low, last + 1 - position.ceil()], 1).to(place.dtype)  # counted from the highest
    level = ranks.sorted.gather(1, torch.searchsorted(place, nth).clamp_max_(place.shape[1] - 1))
    task = None if anchors.task is None else anchors.task[mask]
    share = position - low
    level, share = (x[0] if task is None else x.index_select(0, task) for x in (level, share))
    edge = ranks.level(anchors)[mask] + shape.margin
    losses = (edge.unsqueeze(1) - level).clamp_min_(0).pow_(shape.degree)
    return torch.lerp(losses[:, 0], losses[:, 1], share.view(-1)).to(scores.dtype)


class BySorting:
    """Plan: sums over sorted prefixes; pair by pair if scores are too far apart for float64."""

    plan: Prefixes | ByPair  # of the newest value
    above: Tensor  # with thresholds, the shares above them

    def __init__(
        self,
        ordered: Ordered,
        weights: Callable[[], Tensor],
        by_pair: Callable[[], ByPair],
        threshold: Tensor | None = None,
        own: bool = False,
    ) -> None:
        self.ordered, self.weights, self.by_pair, self.threshold, self.own = ordered, weights, by_pair, threshold, own

    def value(self, scores: Tensor) -> Tensor:
        """Compute the sums of ``[B, T]`` scores: ``[R]``, or ``[K, R]`` for several sets of weights."""
        out = self._sorted(scores)
        if out is not None:
            return out.to(scores.dtype)
        self.plan = self.by_pair()
        out = self.plan.value(scores)
        if self.threshold is not None:
            self.above = self.plan.above
        return out

    def _sorted(self, scores: Tensor) -> Tensor | None:
        ordered = self.ordered
        if not ordered.sort(scores):
            return None
        prefixes = Prefixes(ordered.ranks, ordered.anchors, ordered.shape, self.weights())
        if self.threshold is None:
            out = prefixes.values()
        else:
            out, above = prefixes.excess(self.threshold)
            self.above = above.to(scores.dtype)
        # a ratio of sums needs each one to be exact, down to the pair of an item with itself
        least = 1 / len(scores) if self.own else 1e-3
        if not prefixes.exact(TOLERANCE[scores.dtype], least):
            return None
        self.plan = prefixes
        return out[0] if len(out) == 1 and out.dim() == 2 else out

    def derivative(self, scores: Tensor, grad: Tensor) -> Tensor:
        """Compute the derivative in the scores, ``[B, T]``."""
        if isinstance(self.plan, Prefixes):
            return self.plan.derivative(grad.view(-1, grad.shape[-1])).t().to(scores.dtype)
        return self.plan.derivative(scores, grad)
