"""Names of columns and tasks that must differ."""

from collections.abc import Iterable, Sequence


def distinct(names: Sequence[str], taken: Iterable[str] = ()) -> list[str]:
    """Column names that differ from each other and from those taken; `_` is put after one that does not."""
    used, result = set(taken), []
    for name in names:
        while name in used:
            name += "_"
        used.add(name)
        result.append(name)
    return result
