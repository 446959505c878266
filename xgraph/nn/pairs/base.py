"""The base class of models that score pairs of a user and an item by their vectors."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xgraph.checks import LARGE, SMALL, integer, number


class PairModel(nn.Module):
    """Scores pairs of a user and an item: the product of their vectors, or their cosine over a temperature.

    Args:
        num_users: U.
        num_items: M.
        channels: Size of the vectors.
        temperature: Divide cosines by this number; ``None`` for plain products.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(self, num_users: int, num_items: int, *, channels: int = 64, temperature: float | None = None) -> None:
        super().__init__()
        self.num_users, self.num_items = integer("num_users", num_users), integer("num_items", num_items)
        self.temperature = None if temperature is None else number("temperature", temperature, SMALL, LARGE)
        self.weight = nn.Parameter(torch.empty(self.num_users + self.num_items, integer("channels", channels)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new vectors."""
        nn.init.normal_(self.weight, std=0.1)

    def vectors(self) -> Tensor:
        """Return the vectors of users and items, ``[U + M, C]``."""
        raise NotImplementedError

    def embeddings(self) -> tuple[Tensor, Tensor]:
        """Return the vectors whose products are the scores: of users ``[U, C]``, and of items ``[M, C]``."""
        vectors = self.vectors()
        if self.temperature is not None:
            vectors = F.normalize(vectors) / self.temperature**0.5
        return vectors[: self.num_users], vectors[self.num_users :]

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        """Score pairs.

        Args:
            user: ``[N]`` numbers of users.
            item: ``[N]`` numbers of items.

        Returns:
            ``[N]`` scores.
        """
        users, items = self.embeddings()
        return (users.index_select(0, user) * items.index_select(0, item)).sum(1)

    @torch.no_grad()
    def scorer(self) -> Callable[[Tensor], Tensor]:
        """Return a function that maps ``[B]`` users to their scores of all items, ``[B, M]``, with vectors of now."""
        users, items = self.embeddings()
        users, items = users.detach(), items.detach()
        return lambda user: users.index_select(0, user.to(users.device)) @ items.t()
