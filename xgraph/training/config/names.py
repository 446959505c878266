"""Unique names for columns and tasks."""

from collections.abc import Iterable, Sequence


def distinct(names: Sequence[str], taken: Iterable[str] = ()) -> list[str]:
    """Make names unique, also among those already taken, by appending `_` where needed."""
    used, result = set(taken), []
    for name in names:
        while name in used:
            name += "_"
        used.add(name)
        result.append(name)
    return result
