"""The base class of losses of ranked lists."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple, Self, get_args

import torch
from torch import Tensor

from xgraph.checks import choice
from xgraph.losses.base import Loss
from xgraph.losses.batch import Batch
from xgraph.losses.ranking.flat import check_flat, columns_of
from xgraph.losses.ranking.lists import Lists, Strata
from xgraph.relevance import RelevanceLists

__all__ = ["RankingLoss"]


class _Ragged(NamedTuple):
    """Lists whose batches are given pair by pair."""

    lists: RelevanceLists


class RankingLoss(Loss):
    """A loss of ranked lists: for each query, relevant items should come before irrelevant ones.

    Labels are relevance: above 0 for a relevant item (graded, if the loss uses it), 0 for an irrelevant one, NaN for an
    item that is not in the list. A batch holds a sample of each list, in which relevant items are usually
    over-represented, so the loss needs to know the whole lists: the b⁺ relevant items of the batch stand for the n⁺ of
    the list, and its b⁻ irrelevant items for the n⁻.

    - ``loss(logits [B, T], target [B, T], index [B])``: the columns are queries, and the items of a batch are in all
      lists. ``relevance`` holds the labels of all items that batches are drawn from.
    - ``Loss.of(lists)(scores [N], target [N], pair [N], query [N])``: ragged lists, given pair by pair.

    A query contributes if the batch holds one of its relevant items and another item of its list. If it holds none of
    the irrelevant items, or just one of several relevant ones, the items of the other kind stand for these too.
    """

    graded = True
    """Whether labels are relevance, not only 0 and 1."""

    most_relevance = float("inf")

    list_size: Tensor
    num_relevant: Tensor

    norm: Tensor
    """``[Q]``, what the loss of each query is divided by."""

    def adopt(self, relevance: Tensor | RelevanceLists | _Ragged, strata: Strata) -> RelevanceLists:
        """Take over the sizes of the lists, and return the lists."""
        self.strata = choice("strata", strata, get_args(Strata))
        self.flat = isinstance(relevance, _Ragged)
        self.num_rows = self.num_items * (1 if self.flat else self.num_tasks)
        lists = _lists_of(relevance, self.num_items, self.num_tasks)
        self.norm = torch.ones(self.num_tasks, dtype=torch.float64)
        self.register_buffer("list_size", lists.list_size.clone(), persistent=False)
        self.register_buffer("num_relevant", lists.num_relevant.clone(), persistent=False)
        return lists

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Follow changes of device; the norm keeps its type."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.norm = self.norm.to(self.list_size.device)
        return self

    @classmethod
    def of(cls, lists: RelevanceLists, **options: Any) -> Self:
        """Build the loss for ragged lists; it is called with ``(scores [N], target [N], pair [N], query [N])``.

        Args:
            lists: The lists that batches are drawn from.
            **options: Options of the class.
        """
        options["relevance"] = _Ragged(lists)
        return cls(max(lists.num_pairs, 1), lists.num_queries, **options)

    def forward(
        self, logits: Tensor, target: Tensor, index: Tensor | None = None, query: Tensor | None = None
    ) -> Tensor:
        """Compute the loss of one batch.

        Args:
            logits: ``[B, T]`` (or ``[B]``) raw scores, one column per query. For ragged lists: ``[N]``.
            target: Relevance, of the same shape: 0 or more, or NaN (missing).
            index: ``[B]`` positions of the items in the data set. For ragged lists: ``[N]`` numbers of the relevant
                pairs, read only where the target is above 0. Losses with a state per pair need it in training.
            query: For ragged lists: ``[N]`` numbers of the queries.

        Returns:
            A scalar. If no query contributes, the result is 0 and all gradients are zero.

        Raises:
            ValueError: If shapes or devices do not match, a label is negative or infinite, a logit is not finite or
                beyond ±1e15, or a query has a relevant item although its list has none. No state is written then.
            IndexError: If an index or a query is out of range. No state is written then.
            TypeError: If ``logits`` is not a floating-point tensor, or ``index`` or ``query`` not an integer tensor.
        """
        return super().forward(logits, target, index, query)

    def _objective(self, lists: Lists, rows: Tensor | None, duplicates: bool) -> Tensor:
        """Compute the loss.

        Args:
            lists: The lists of the batch.
            rows: ``[R]`` rows of the relevant pairs in tables of ``num_rows`` rows; ``None``: use no state.
            duplicates: Whether a row occurs more than once.
        """
        raise NotImplementedError

    needs_pairs = True
    """Whether the loss has a state per relevant pair, so that training needs an index."""

    def _loss(self, batch: Batch) -> Tensor | None:
        if self.needs_pairs and self.training and batch.items is None:
            what = "pair" if self.flat else "index"
            raise ValueError(f"{what} is required in training: the loss keeps a state for each relevant pair")
        lists = Lists.of(batch, self.list_size, self.num_relevant, self.strata)
        if lists is None:
            return None
        rows = None
        if batch.items is not None and self.training and self.needs_pairs:
            rows = _rows(batch, lists, self.num_tasks)
        return self._objective(lists, rows, batch.duplicates)

    def _labelled(self, scores: Tensor, labels: Tensor) -> Batch:
        batch = Batch(scores, labels > 0, labels == 0)
        if len(scores):
            _eager("check_graded")(scores.detach(), labels, self.most_relevance)
        batch.relevance = torch.where(batch.positive, labels, 0).to(scores.dtype)
        return batch

    def _check(
        self, logits: Tensor, target: Tensor, index: Tensor | None = None, weight: Tensor | None = None
    ) -> Batch:
        if not self.flat:
            return super()._check(logits, target, index, weight)
        if not isinstance(logits, Tensor) or not logits.is_floating_point():
            got = logits.dtype if isinstance(logits, Tensor) else type(logits).__name__
            raise TypeError(f"scores must be a tensor of floating-point numbers, got {got}")
        self._check_devices(scores=logits, target=target, pair=index, query=weight)
        pair, query = check_flat(logits, target, index, weight, self.num_relevant)
        scores = logits.to(torch.promote_types(logits.dtype, torch.float32))
        return columns_of(self._labelled(scores.unsqueeze(1), target.unsqueeze(1)), pair, query)


def _rows(batch: Batch, lists: Lists, num_tasks: int) -> Tensor:
    """Return the table rows of the relevant pairs, ``[R]``."""
    items = batch.items
    if items is None:
        raise TypeError("index: expected positions of the items, got None")
    if items.dim() == 1:
        return torch.add(lists.query[lists.column], items[lists.item], alpha=num_tasks)
    place = lists.column if batch.query is None else torch.searchsorted(batch.query, lists.query)[lists.column]
    return items[lists.item, place]


def _lists_of(relevance: Tensor | RelevanceLists | _Ragged, num_items: int, num_tasks: int) -> RelevanceLists:
    if isinstance(relevance, _Ragged):
        return relevance.lists
    if isinstance(relevance, Tensor):
        relevance = RelevanceLists.of_matrix(relevance.detach().cpu())
    if not isinstance(relevance, RelevanceLists):
        raise TypeError(f"relevance must be a tensor [n, T] or RelevanceLists, got {type(relevance).__name__}")
    if relevance.num_queries != num_tasks or relevance.num_items > num_items:
        raise ValueError(
            f"relevance must have num_tasks = {num_tasks} columns and at most num_items = {num_items} rows, got "
            f"{relevance.num_queries} columns and {relevance.num_items} rows"
        )
    return relevance


def _eager(name: str) -> Callable[..., Any]:
    """Return a check of values, excluded from compiled graphs."""
    from xgraph.losses.ranking import checks

    if torch.compiler.is_compiling() or "torch._dynamo" in sys.modules:
        from xgraph.losses.ranking import uncompiled

        return getattr(uncompiled, name)  # type: ignore[no-any-return]
    return getattr(checks, name)  # type: ignore[no-any-return]
