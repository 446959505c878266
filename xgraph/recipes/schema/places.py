"""Where in a recipe something stands, and the data sets that it names."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xgraph.options import OptionError, nearest


@contextmanager
def at(place: object) -> Iterator[None]:
    """Put a place in front of the errors that are raised within."""
    try:
        yield
    except ValueError as error:
        raise OptionError(f"{place}: {error}") from None


def entry_place(key: str, number: int, name: str) -> str:
    """The place of a named table, as messages give it."""
    return f"[[{key}]] {number} ({name!r})"


def dataset_at(folder: Path, key: str, text: str) -> str:
    """A data set's name, or the absolute path of a file; relative paths start from the recipe's folder."""
    from xgraph.data.cards.named import names

    if text in names():
        return text
    path = folder / text
    if path.is_file():
        return str(path.resolve())
    raise OptionError(f"{key}: no data set {text!r}{nearest(text, names())}, and no file {path}")


def check_known(key: str, name: str, known: list[str]) -> None:
    """Refuse a name that the recipe does not have."""
    if name not in known:
        raise OptionError(f"{key}: no {name!r} in this recipe{nearest(name, known)}; there are {', '.join(known)}")
