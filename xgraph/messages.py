"""How messages show what a user gave: long values and long lists are cut."""

from collections.abc import Iterable
from unicodedata import category

LONGEST = 60
"""Characters of a value that a message shows."""


def shown(value: object, most: int = LONGEST) -> str:
    """Return a value as it is shown in a message, in quotes if it is text; a long one is cut.

    Args:
        value: Any value, such as the SMILES or the cell that could not be read.
        most: Number of characters that are shown, at least 4.

    Example:
        >>> shown("CCO"), shown("C" * 1000, 10)
        ("'CCO'", "'CCCCCC...'")
    """
    if not isinstance(value, str):
        text = repr(value)
        return text if len(text) <= most else f"{text[: most - 3]}..."
    return repr(value if len(value) <= most else f"{value[: most - 4]}...")


def listed(values: Iterable[object], most: int = 20) -> str:
    """Return values separated by commas, each as `shown`; of many, only the first are listed.

    Args:
        values: Values, such as the names of columns.
        most: Number of values that are listed.

    Example:
        >>> listed(["a", "b"]), listed(range(10), 3)
        ("'a', 'b'", '0, 1, 2 and 7 more')
    """
    every = list(values)
    some = ", ".join(shown(value) for value in every[:most])
    return some if len(every) <= most else f"{some} and {len(every) - most} more"


def legible(text: str, most: int | None = None) -> str:
    r"""Return text from elsewhere without characters that control a terminal, each replaced by its escape sequence.

    Spaces of all kinds are kept, as are line ends.

    Args:
        text: Text, such as the answer of a server or the name of a column.
        most: Number of characters that are returned, at least 4; all of them by default.

    Example:
        >>> legible("Not\x1b[2J found"), legible("Grüße, 世界")
        ('Not\\x1b[2J found', 'Grüße, 世界')
    """
    text = text if most is None or len(text) <= most else f"{text[: most - 3]}..."
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in "\n\t" or category(c) == "Zs" else c.encode("unicode_escape").decode()
        for c in text
    )
