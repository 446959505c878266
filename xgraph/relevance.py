"""Lists of items and their relevance to queries: what ranking losses and samplers of lists are made from."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from xgraph.checks import integer, outside

Gain = Literal["exp2", "linear"]

MOST_EXP2 = 60.0
"""The largest relevance with gain 2^y − 1; beyond it, sums of gains lose all smaller ones."""


class RelevanceLists:
    """For each query, a list of items of which some are relevant: users and products, targets and molecules.

    The list of a query consists of all items: those that are not named are irrelevant. Pairs whose relevance is NaN
    (unknown) are left out of the list. :meth:`of_matrix` makes the lists of a label matrix, in which each query has its
    own items.

    The relevant pairs are numbered by query, and by item within a query. Ranking losses keep their state by these
    numbers: see :meth:`xgraph.losses.NDCGLoss.of`.

    Args:
        query: ``[P]`` integers, the queries of the pairs.
        item: ``[P]`` integers, their items.
        relevance: ``[P]`` numbers: above 0 for a relevant item, 0 for an irrelevant one, NaN for unknown; by default 1.
        num_items: M, the number of items.
        num_queries: Q, the number of queries; by default up to the largest one named.

    Attributes:
        offsets: ``[Q + 1]``; the relevant pairs of query q have the numbers ``offsets[q]`` to ``offsets[q + 1] - 1``.
        item: ``[num_pairs]``, the items of the relevant pairs.
        relevance: ``[num_pairs]`` float64, their relevance.
        list_size: ``[Q]``, the number of items in each list.
        num_relevant: ``[Q]``, the number of relevant ones.

    Raises:
        ValueError: If shapes differ, a relevance is negative or infinite, or a pair occurs twice.
        IndexError: If a query or an item is out of range.
        TypeError: If ``query`` or ``item`` does not hold integers.

    Example:
        >>> lists = RelevanceLists([0, 0, 2], [4, 1, 3], num_items=6)
        >>> lists.num_relevant, lists.list_size
        (tensor([2, 0, 1]), tensor([6, 6, 6]))
        >>> lists.item  # numbered by query, then by item
        tensor([1, 4, 3])
        >>> lists.ideal(k=1)
        tensor([1., 0., 1.], dtype=torch.float64)
    """

    def __init__(
        self,
        query: object,
        item: object,
        relevance: object = None,
        *,
        num_items: int,
        num_queries: int | None = None,
    ) -> None:
        self.num_items = integer("num_items", num_items)
        rows, columns = _positions("query", query), _positions("item", item)
        values = torch.ones(len(rows)) if relevance is None else torch.as_tensor(relevance)
        values = check_relevance("relevance", values.double())
        if not rows.shape == columns.shape == values.shape:
            raise ValueError(
                "query, item and relevance must have the same length, got "
                f"{list(rows.shape)}, {list(columns.shape)} and {list(values.shape)}"
            )
        most = int(rows.max()) + 1 if len(rows) else 0
        self.num_queries = integer("num_queries", max(most, 1) if num_queries is None else num_queries)
        for name, index, size in (("query", rows, self.num_queries), ("item", columns, self.num_items)):
            wrong = outside(index, size)
            if wrong is not None:
                raise IndexError(f"{name} must lie in 0..{size - 1}, got {wrong}")
        order = (rows * self.num_items + columns).argsort()
        rows, columns, values = rows[order], columns[order], values[order]
        twice = ((rows[1:] == rows[:-1]) & (columns[1:] == columns[:-1])).nonzero()
        if len(twice):
            place = int(twice[0])
            raise ValueError(f"query {int(rows[place])} must name item {int(columns[place])} once, got it twice")
        self._matrix: Tensor | None = None
        marked = values != 0  # relevant or unknown: what an irrelevant item is not
        self._marked = columns[marked]
        self._marked_offsets = _offsets(rows[marked], self.num_queries)
        unknown = torch.bincount(rows[values.isnan()], minlength=self.num_queries)
        self.list_size = self.num_items - unknown
        self._set(rows, columns, values)

    @classmethod
    def of_matrix(cls, target: Tensor) -> RelevanceLists:
        """Make the lists of a label matrix: the columns are queries, the rows items.

        Args:
            target: ``[n, T]`` or ``[n]``: relevance, 0 for irrelevant, NaN for an item that is not in the list.

        Example:
            >>> nan = float("nan")
            >>> RelevanceLists.of_matrix(torch.tensor([[1.0, nan], [0.0, 2.0], [0.0, nan]])).list_size
            tensor([3, 1])
        """
        target = torch.as_tensor(target)
        if target.dim() not in (1, 2) or not target.numel():
            raise ValueError(f"target must have the shape [n, T] or [n] and not be empty, got {list(target.shape)}")
        matrix = target.detach().reshape(len(target), -1)
        check_relevance("target", matrix)
        lists = cls([], [], num_items=len(matrix), num_queries=matrix.shape[1])
        query, item = (matrix > 0).t().nonzero().unbind(1)
        lists._matrix = matrix
        lists.list_size = len(matrix) - matrix.isnan().sum(0)
        lists._set(query, item, matrix[item, query].double())
        return lists

    @property
    def num_pairs(self) -> int:
        """The number of relevant pairs."""
        return len(self.item)

    def ideal(self, k: int | None = None, gain: Gain = "exp2") -> Tensor:
        """Compute the largest possible discounted cumulative gain of each query, ``[Q]`` in float64.

        Args:
            k: Count the first k places only.
            gain: "exp2" for 2^y − 1, "linear" for y.
        """
        order = self.relevance.argsort(descending=True, stable=True)
        query = self.queries()
        order = order[query[order].argsort(stable=True)]
        place = torch.arange(self.num_pairs) - torch.repeat_interleave(self.offsets[:-1], self.num_relevant)
        value = gains(self.relevance[order], gain) / (place + 2.0).double().log2()
        if k is not None:
            value = value * (place < integer("k", k))
        return value.new_zeros(self.num_queries).index_add_(0, query, value)

    def queries(self) -> Tensor:
        """Return the query of each relevant pair, ``[num_pairs]``."""
        return torch.repeat_interleave(torch.arange(self.num_queries), self.num_relevant)

    def relevant(self, query: int) -> Tensor:
        """Return the relevant items of a query, in ascending order."""
        return self.item[int(self.offsets[query]) : int(self.offsets[query + 1])]

    def irrelevant(self, query: int, places: Tensor) -> Tensor:
        """Return some irrelevant items of a query, by their places 0 to n⁻ − 1 in ascending order of the items."""
        if self._matrix is not None:
            return (self._matrix[:, query] == 0).nonzero().squeeze(1)[places]
        marked = self._marked[int(self._marked_offsets[query]) : int(self._marked_offsets[query + 1])]
        return places + torch.searchsorted(marked - torch.arange(len(marked)), places, right=True)

    def __repr__(self) -> str:
        return f"RelevanceLists(num_queries={self.num_queries}, num_items={self.num_items}, num_pairs={self.num_pairs})"

    def _set(self, query: Tensor, item: Tensor, relevance: Tensor) -> None:
        """Keep the relevant ones of pairs that are sorted by query and item."""
        kept = relevance > 0
        self.item, self.relevance = item[kept], relevance[kept]
        self.num_relevant = torch.bincount(query[kept], minlength=self.num_queries)
        self.offsets = _offsets(query[kept], self.num_queries)


def gains(relevance: Tensor, gain: Gain) -> Tensor:
    """Return the gains of relevance y: 2^y − 1 or y."""
    return relevance.exp2() - 1 if gain == "exp2" else relevance


def check_relevance(name: str, values: Tensor, most: float = float("inf")) -> Tensor:
    """Return relevance (of any shape) after checking that it is 0 or more, or NaN, and at most ``most``."""
    if values.is_complex():
        raise TypeError(f"{name} must hold numbers, got {values.dtype}")
    wrong = ((values < 0) | (values == float("inf")) | (values > most)).nonzero()
    if len(wrong):
        value = values[tuple(wrong[0])].item()
        bound = "0 or more" if most == float("inf") else f"between 0 and {most:g}"
        raise ValueError(f"{name} must be {bound}, or NaN (missing), got {value:g} in row {int(wrong[0][0])}")
    return values


def _positions(name: str, values: object) -> Tensor:
    tensor = torch.as_tensor(values).cpu()
    if not tensor.numel():
        return tensor.long().reshape(-1)
    if tensor.dim() != 1 or tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool:
        raise TypeError(f"{name} must be a list of integers, got {tensor.dtype} of shape {list(tensor.shape)}")
    return tensor.long()


def _offsets(query: Tensor, num_queries: int) -> Tensor:
    counts = torch.bincount(query, minlength=num_queries)
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])
