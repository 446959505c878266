"""The mean of the ranks that several models give an item among those of a reference."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


class RankMean(nn.Module):
    """Mean over models of the rank of an item's score among the scores of reference items, as a logit.

    A rank is a share in (0, 1), so that models whose scores differ in scale count the same. That of a score is the
    share of lower reference scores, where equal ones count half. It is interpolated between neighbouring reference
    scores; beyond the lowest and the highest one it approaches 0 and 1. So a single item has a rank, items keep the
    order that a model gives them, and reference items have their ranks among each other.

    Args:
        members: Models that map a batch to logits ``[B, T]``.
        columns: For each member, the columns of the batch's features that it takes; None if it takes none.
        num_references: Number n of reference items.

    Example:
        >>> from types import SimpleNamespace
        >>> x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
        >>> class Column(nn.Module):
        ...     num_tasks = 1
        ...     def forward(self, batch):
        ...         return 100 * batch.features
        >>> model = RankMean([Column(), Column()], [[0], [1]], 50)
        >>> model.refer([100 * x[:, :1], 100 * x[:, 1:]])
        >>> model(SimpleNamespace(features=torch.tensor([[-9.0, 9.0], [9.0, 9.0]]))).squeeze(1).round().tolist()
        [-0.0, 7.0]
    """

    references: Tensor

    def __init__(
        self, members: Sequence[nn.Module], columns: Sequence[Sequence[int] | None], num_references: int
    ) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.columns = [None if own is None else list(own) for own in columns]
        self.num_tasks: int = members[0].num_tasks  # type: ignore[assignment]
        self.reads_graphs = any(getattr(member, "reads_graphs", True) for member in members)
        size = (len(members), self.num_tasks, num_references)
        self.register_buffer("references", torch.zeros(size, dtype=torch.float64))

    def refer(self, scores: Sequence[Tensor]) -> None:
        """Set the reference scores.

        Args:
            scores: For each member, its scores of the reference items. Each of shape ``[n, T]``.
        """
        self.references.copy_(torch.stack([of_member.double().T for of_member in scores]).sort(dim=-1).values)

    def forward(self, batch: Any) -> Tensor:
        """Return the logit of the mean rank, float64 ``[B, T]``."""
        columns = zip(self.members, self.columns, strict=True)
        return self.combine([member(_with_columns(batch, own)) for member, own in columns])

    def combine(self, scores: Sequence[Tensor]) -> Tensor:
        """Return the logit of the mean rank from what each member gives the items, float64 ``[B, T]``.

        Args:
            scores: For each member, its logits of the items. Each of shape ``[B, T]``.
        """
        of_members = zip(self.references, scores, strict=True)
        ranks = [rank_among(reference, own.to(reference).T) for reference, own in of_members]
        return torch.logit(torch.stack(ranks).mean(dim=0)).T


def rank_among(reference: Tensor, scores: Tensor) -> Tensor:
    """Return the ranks of scores in (0, 1), increasing with the score.

    Args:
        reference: Sorted reference scores, float64 ``[T, n]``.
        scores: Scores, float64 ``[T, B]``.
    """
    n, scores = reference.size(1), scores.contiguous()
    first, last = reference[:, :1].contiguous(), reference[:, -1:].contiguous()
    left, right = torch.searchsorted(reference, scores), torch.searchsorted(reference, scores, right=True)
    lower, upper = reference.gather(1, (left - 1).clamp(min=0)), reference.gather(1, right.clamp(max=n - 1))
    below = (torch.searchsorted(reference, lower) + left) / (2 * n)
    above = (right + torch.searchsorted(reference, upper, right=True)) / (2 * n)
    between = below + (above - below) * (scores - lower) / (upper - lower)
    width = reference.std(dim=1, keepdim=True, correction=0)
    width = torch.where(width > 0, width, 1.0)
    lowest = torch.searchsorted(reference, first, right=True) / (2 * n)
    highest = (n - torch.searchsorted(reference, last)) / (2 * n)
    ranks = torch.where(left < right, (left + right) / (2 * n), between)
    ranks = torch.where(scores < first, lowest / (1 + (first - scores) / width), ranks)
    return torch.where(scores > last, 1 - highest / (1 + (scores - last) / width), ranks)


def _with_columns(batch: Any, columns: Sequence[int] | None) -> Any:
    """Return a copy of a batch with some columns of its features."""
    batch = copy.copy(batch)
    batch.features = None if columns is None else batch.features[:, list(columns)]
    return batch
