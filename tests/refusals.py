"""Hostile input may be read or refused, but not with just any error."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def read_or_refused(name: object, longest: int = 3000) -> Iterator[None]:
    """Expect that the block ends well, or with a ValueError of bounded length that names the file."""
    message = str(name)
    try:
        yield
    except ValueError as error:
        message = str(error)
    assert str(name) in message
    assert len(message) <= longest + len(str(name))
