"""What a call needs for itself and the next one may take over."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

Thing = TypeVar("Thing")


class Spare(Generic[Thing]):
    """Lends things that one thread uses at a time, and keeps those given back."""

    def __init__(self, make: Callable[[], Thing]) -> None:
        self._make = make
        self._free: list[Thing] = []

    def __len__(self) -> int:
        """Number of things that nobody uses."""
        return len(self._free)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._make,)

    @contextmanager
    def one(self) -> Iterator[Thing]:
        """Lend one for a ``with``; after an error it is not used again, as it may be half changed."""
        try:
            thing = self._free.pop()
        except IndexError:
            thing = self._make()
        yield thing
        self._free.append(thing)
