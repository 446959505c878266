"""A pool of reusable objects."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")


class Pool(Generic[Item]):
    """Lends objects to one thread at a time and reuses returned ones."""

    def __init__(self, make: Callable[[], Item]) -> None:
        self._make = make
        self._idle: list[Item] = []

    def __len__(self) -> int:
        """Number of idle objects."""
        return len(self._idle)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._make,)

    @contextmanager
    def borrow(self) -> Iterator[Item]:
        """Lend an object for a ``with`` block; after an error it is discarded, because it may be inconsistent."""
        try:
            item = self._idle.pop()
        except IndexError:
            item = self._make()
        yield item
        self._idle.append(item)
