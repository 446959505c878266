"""A batch of logits and labels or numbers, and checks of their values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

FEW = 256
"""Up to this many labels and scores are checked without tensor operations."""

LIMIT = 1e15
"""Logits beyond this limit would overflow float32 in the surrogates; training has diverged long before."""


@dataclass
class Batch:
    """A checked batch: ``[B, T]`` logits (at least float32), masks of labels 1 and 0, ``[B]`` positions and weights.

    For losses of numbers, `numbers` has the targets, 0 where one is missing, and no label is 1 or 0. For losses of
    ranked lists, labels above 0 count as 1, `relevance` holds them, and `query` the numbers of the columns, if these
    are not all queries in order.
    """

    scores: Tensor
    positive: Tensor
    negative: Tensor
    items: Tensor | None = None
    duplicates: bool = False
    weight: Tensor | None = None
    targets: Tensor | None = None
    relevance: Tensor | None = None
    query: Tensor | None = None

    @classmethod
    def of_numbers(cls, scores: Tensor, targets: Tensor) -> Batch:
        """Return a batch whose targets are numbers, NaN for missing."""
        missing = targets.isnan()
        none = torch.zeros_like(missing)
        batch = cls(scores, none, none, targets=targets.to(scores.dtype).masked_fill(missing, 0))
        batch.known = ~missing
        return batch

    @property
    def numbers(self) -> Tensor:
        """``[B, T]`` targets of a loss of numbers, 0 where one is missing."""
        if self.targets is None:
            raise TypeError("a batch of labels has no numbers")
        return self.targets

    def weighted(self, values: Tensor) -> Tensor:
        """Multiply ``[B, T]`` values by the weights of the items, if they have any."""
        return values if self.weight is None else values * self.weight.unsqueeze(1)

    @cached_property
    def known(self) -> Tensor:
        """``[B, T]``, True where the label is not missing."""
        return self.positive | self.negative

    @cached_property
    def single_negatives(self) -> Tensor:
        """``[N]``, positions of the negatives in a batch with a single task."""
        return self.negative.view(-1).nonzero().view(-1)


def check_values(scores: Tensor, labels: Tensor, batch: Batch) -> None:
    """Raise if a label is not 0, 1 or NaN, or a score is not finite."""
    if scores.numel() <= FEW:  # plain Python is faster than dispatching a few tensor operations
        plain = labels.dtype == torch.bool or {0.0, 1.0}.issuperset(labels.flatten().tolist())
        values = scores.flatten().tolist()
        sound = math.isfinite(sum(values)) and min(values) >= -LIMIT and max(values) <= LIMIT
    else:
        plain = bool(batch.known.all())
        sound = torch.linalg.vector_norm(scores, math.inf).item() <= LIMIT
    if not plain:
        invalid = (batch.known | labels.isnan()).logical_not_().nonzero().tolist()
        if invalid:
            row, task = invalid[0]
            raise ValueError(f"target must be 0, 1 or NaN (missing), got {labels[row, task].item():g} in row {row}")
    if not sound:
        check_finite("logits", scores)


def check_numbers(scores: Tensor, targets: Tensor) -> None:
    """Raise if a target is not a finite number or NaN, or a prediction is not finite."""
    sound = (targets.abs() <= LIMIT) | targets.isnan()
    if not bool(sound.all()):
        row, task = (~sound).nonzero()[0].tolist()
        raise ValueError(
            f"target must be a finite number within ±{LIMIT:g}, or NaN (missing), got {targets[row, task].item():g} in "
            f"row {row}"
        )
    if scores.numel() and not torch.linalg.vector_norm(scores, math.inf).item() <= LIMIT:
        check_finite("logits", scores)


def within_limit(scores: object) -> bool:
    """Whether scores are finite and not beyond `LIMIT`; True for what is no tensor of floating-point numbers."""
    if not isinstance(scores, Tensor) or not scores.is_floating_point():
        return True
    wide = scores.detach().to(torch.promote_types(scores.dtype, torch.float32))
    return bool((wide.abs() <= LIMIT).all())


def check_weight(weight: object, scores: Tensor) -> Tensor:
    """Return the weights of the items in the type of the scores after checking them."""
    if not isinstance(weight, Tensor):
        raise TypeError(f"weight must be a tensor, got {type(weight).__name__}")
    if weight.shape != (len(scores),):
        raise ValueError(f"weight must have the shape [{len(scores)}], one per item, got {list(weight.shape)}")
    weight = weight.detach().to(scores.dtype)
    wrong = (weight.isfinite() & (weight >= 0)).logical_not_().nonzero()
    if len(wrong):
        row = int(wrong[0])
        raise ValueError(f"weight must hold finite numbers of 0 or more, got {weight[row].item():g} in row {row}")
    return weight


def check_finite(name: str, values: Tensor) -> None:
    """Raise for the first of ``[B, T]`` values (at least float32) that is not finite or is beyond `LIMIT`."""
    invalid = (values.detach().abs() <= LIMIT).logical_not_().nonzero()
    if len(invalid):
        row, task = invalid[0].tolist()
        value = values[row, task].item()
        expected = f"lie within ±{LIMIT:g}" if math.isfinite(value) else "be finite"
        raise ValueError(f"{name} must {expected}, got {value} in row {row}")
