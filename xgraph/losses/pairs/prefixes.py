"""Sums over pairs as sums over sorted prefixes: time O(B log B) and memory O(B) instead of one step per pair.

A surrogate that is a polynomial of m + s on one side of a point, and 0 on the other, needs no pairs. With e_i = z_i + m
and items sorted by z (see `Ranks`), m + h_j − h_i = e_i − z_j, so the items with a positive term are the first p_i and

    Σ_j w_j (e_i − z_j)₊² = e_i² W₀(p_i) − 2 e_i W₁(p_i) + W₂(p_i),   W_k(p) = Σ_{j < p} w_j z_j^k.

The derivative in z_j is a sum over the anchors with p_i > j, which is a prefix as well, counted from the other end. A
threshold ν only moves p_i: (e − z)² > ν where z < e − √ν.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from xgraph.losses.pairs.anchors import Anchors
from xgraph.losses.pairs.ranks import Grid, Ranks
from xgraph.losses.pairs.surrogates import Hinge, Squared, SquaredHinge, Surrogate

EPS = torch.finfo(torch.float64).eps


@dataclass(frozen=True)
class Shape:
    """A surrogate as a polynomial of x = m + s: x or x² where x > 0, or everywhere if it is ``even``."""

    margin: float
    degree: int
    even: bool = False

    @classmethod
    def of(cls, surrogate: Surrogate) -> Shape | None:
        """Return the shape of a surrogate, or ``None`` if it is no polynomial."""
        if type(surrogate) is SquaredHinge:  # a subclass may compute something else
            return cls(surrogate.margin, 2)
        if type(surrogate) is Hinge:
            return cls(surrogate.margin, 1)
        if type(surrogate) is Squared:
            return cls(surrogate.margin, 2, even=True)
        return None


class Prefixes:
    """Σ_j w_kj ℓ_ij and its derivatives, for K sets of weights ``[K, T, N]`` in the order of the scores."""

    def __init__(self, ranks: Ranks, anchors: Anchors, shape: Shape, weights: Tensor) -> None:
        self.ranks, self.anchors, self.shape, self.weights = ranks, anchors, shape, weights
        self.grid = Grid(anchors, weights.shape[1])
        self.edge = ranks.level(anchors) + shape.margin
        self.ends: list[tuple[Tensor, int]] = []  # the sum over j is that of these prefixes, with these signs
        self.slope = self.loss = self.count = self.edge.new_empty(0)

    def values(self) -> Tensor:
        """Compute Σ_j w_kj ℓ_ij, ``[K, R]``."""
        self._between([(self._all() if self.shape.even else self._before(self.edge), 1)])
        return self.loss

    def excess(self, threshold: Tensor) -> tuple[Tensor, Tensor]:
        """Compute Σ_j w_j (ℓ_ij − ν_i)₊ for a single set of weights that sum to 1, and the share above ν; ``[R]``.

        A loss that exceeds ν by no more than rounding is not above it: ν often is the loss of one of the items.
        """
        least = threshold.double().clamp_min(0)
        reach = least if self.shape.degree == 1 else least.sqrt()
        blur = 2 * torch.finfo(threshold.dtype).eps * reach + 8 * EPS * (self.edge.abs() + reach)
        reach = torch.where(least > 0, reach + blur, 0)
        ends = [(self._before(self.edge - reach), 1)]
        if self.shape.even:
            ends += [(self._all(), 1), (self._before(self.edge + reach, True), -1)]
        self._between(ends)
        above = torch.where(threshold < 0, 1, self.count[0])  # below 0, the items without a loss count as well
        return (self.loss[0] - threshold * above).clamp_min_(0), above

    def exact(self, tolerance: float, least: float) -> bool:
        """Whether rounding changes no sum by more than ``tolerance`` times it, or times a weight of ``least``.

        Terms of a sum are at most w (|e| + max |z|)², whatever is left of them when they cancel; the errors of N
        additions, and those of the polynomial, grow with N^½.
        """
        size, degree, margin = self.weights.shape[2], self.shape.degree, self.shape.margin
        rounding, floor = 4 * EPS * size**0.5 / tolerance, least * margin**degree
        if rounding * (2 * self.ranks.reach + margin) ** degree <= floor:  # whatever the sums are; weights sum to 1
            return True
        largest = (self.edge.abs() + self.ranks.reach) ** degree * self.count
        return bool((largest * rounding <= self.loss + floor).all())

    def derivative(self, grad: Tensor) -> Tensor:
        """Compute the derivative of Σ_ki grad_ki value_ki in the scores, ``[T, N]``, in the order of the batch."""
        sets, tasks, size = self.weights.shape
        grad = grad.double()
        parts = torch.cat([grad, grad * self.edge]) if self.shape.degree == 2 else grad
        sums = parts.new_zeros(len(parts), tasks * (size + 1))
        for end, sign in self.ends:
            place = (
                size - end if self.anchors.task is None else torch.add(size - end, self.anchors.task, alpha=size + 1)
            )
            sums.index_add_(1, place, parts, alpha=sign)
        sums = sums.view(-1, tasks, size + 1).cumsum_(-1)[..., :size].flip(-1)
        if self.shape.degree == 2:
            pull = torch.addcmul(sums[sets:], sums[:sets], self.ranks.sorted, value=-1).mul_(2)
        else:
            pull = sums
        own, pull = grad * self.slope, pull.mul_(self.weights)
        result = self.ranks.restore(pull.sum(0) if sets > 1 else pull[0])
        result.view(-1).index_add_(0, self.anchors.cell, own.sum(0) if sets > 1 else own[0], alpha=-1)
        return result

    def _all(self) -> Tensor:
        return torch.full_like(self.anchors.cell, self.weights.shape[2])

    def _before(self, queries: Tensor, right: bool = False) -> Tensor:
        return self.grid.search(self.ranks.sorted, queries, right)

    def _between(self, ends: list[tuple[Tensor, int]]) -> None:
        """Compute Σ w ℓ and Σ w between the ends, and the derivative of the former in e, ``[K, R]`` each."""
        self.ends = ends
        moments = self._moments()
        picked = [self._pick(moments, end) for end, _ in ends]
        w = picked[0]
        for more, (_, sign) in zip(picked[1:], ends[1:], strict=True):
            w = torch.add(w, more, alpha=sign)
        self.count = w[0]
        first = torch.addcmul(w[1], self.edge, w[0], value=-1).neg_()
        if self.shape.degree == 1:
            self.loss, self.slope = first.clamp_min_(0), w[0]
        else:
            self.loss = (first - w[1]).mul_(self.edge).add_(w[2]).clamp_min_(0)
            self.slope = first.mul_(2)

    def _moments(self) -> Tensor:
        """Compute W_k(p) for p in 0..N, ``[degree + 1, K, T, N + 1]``."""
        sets, tasks, size = self.weights.shape
        out = self.weights.new_empty(self.shape.degree + 1, sets, tasks, size + 1)
        out[..., 0] = 0
        inner = out[..., 1:]
        inner[0] = self.weights
        for k in range(self.shape.degree):
            torch.mul(inner[k], self.ranks.sorted, out=inner[k + 1])
        return out.cumsum_(-1)

    def _pick(self, moments: Tensor, end: Tensor) -> Tensor:
        """Select each anchor's moments at a position, ``[degree + 1, K, R]``."""
        size = moments.shape[3]
        place = end if self.anchors.task is None else torch.add(end, self.anchors.task, alpha=size)
        flat = moments.view(-1, moments.shape[2] * size).index_select(1, place)
        return flat.view(moments.shape[0], moments.shape[1], -1)
