"""Places in a recipe file for error messages, and the data sets that a recipe names."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xgraph.options import OptionError, nearest


@contextmanager
def at(place: object) -> Iterator[None]:
    """Prefix the errors raised in the block with a place."""
    try:
        yield
    except ValueError as error:
        raise OptionError(f"{place}: {error}") from None


def entry_place(key: str, number: int, name: str) -> str:
    """Return the place of a named table for error messages."""
    return f"[[{key}]] {number} ({name!r})"


def dataset_at(folder: Path, key: str, text: str) -> str:
    """Return a data set's name or the absolute path of a file; paths are relative to the recipe's folder."""
    from xgraph.data.cards.named import names

    if text in names():
        return text
    path = folder / text
    if path.is_file():
        return str(path.resolve())
    raise OptionError(f"{key}: no data set {text!r}{nearest(text, names())} and no file {path}")


def check_known(key: str, name: str, known: list[str]) -> None:
    """Raise `OptionError` if a name is not in the recipe."""
    if name not in known:
        raise OptionError(f"{key}: no {name!r} in this recipe{nearest(name, known)}; choose from {', '.join(known)}")
