"""Words and fold numbers that say which part each row of a table is in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

PARTS = ("train", "valid", "test")
NOWHERE = -1
FEWEST_FOLDS = 3  # one to test on, one to validate on, and at least one to train on
MOST_FOLDS = 1000
_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("valid", "validation", "val", "dev"), "valid"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_BLANK = frozenset({"", "nan", "na", "n/a", "none", "null", "<na>"})
EXPECTED = "train, valid (or validation, val, dev), test, or fold numbers"


class Marks(NamedTuple):
    """What a column says about each row.

    Args:
        number: The position in `PARTS`, or the fold, of each row; -1 for a blank cell. Shape ``[rows]``.
        folds: The numbers of the folds in ascending order; empty if the column holds words.
    """

    number: NDArray[np.int64]
    folds: list[int]


def part_of_word(word: str) -> str | None:
    """Return the part that a word stands for, in any case; None for other words."""
    return _WORDS.get(word.strip().lower())


def read_marks(cells: Sequence[str], column: str) -> Marks:
    """Read a column of words for parts, or of fold numbers; a blank cell is a row in no part."""
    of_text: dict[str, int] = {}
    seen = {"words": False, "numbers": False}
    for text in dict.fromkeys(cells):
        plain = text.strip().lower()
        part, fold = _WORDS.get(plain), _fold(plain)
        if plain in _BLANK:
            of_text[text] = NOWHERE
        elif part is not None:
            of_text[text], seen["words"] = PARTS.index(part), True
        elif fold is not None:
            of_text[text], seen["numbers"] = fold, True
        else:
            row = list(cells).index(text)
            raise ValueError(
                f"split_column {column!r} has {text.strip()[:40]!r} in data row {row}; expected {EXPECTED}"
            )
    if not any(seen.values()):
        raise ValueError(f"split_column {column!r} is blank in all {len(cells)} rows; expected {EXPECTED}")
    if all(seen.values()):
        raise ValueError(f"split_column {column!r} has both words and numbers; expected {EXPECTED}, not a mixture")
    number = np.array([of_text[text] for text in cells], dtype=np.int64)
    folds = sorted(set(number.tolist()) - {NOWHERE}) if seen["numbers"] else []
    if folds and not FEWEST_FOLDS <= len(folds) <= MOST_FOLDS:
        listed = ", ".join(map(str, folds[:10])) + (", ..." if len(folds) > 10 else "")
        raise ValueError(
            f"split_column {column!r} has {len(folds)} different numbers ({listed}); expected {FEWEST_FOLDS} to "
            f"{MOST_FOLDS} folds: one to test on, one to validate on, the others to train on. If the numbers are "
            "flags, write the words train, valid and test"
        )
    return Marks(number, folds)


def parts_of_fold(number: NDArray[np.int64], folds: Sequence[int], fold: int) -> NDArray[np.int64]:
    """Return the part of each item in a cross-validation: fold `fold` is test, the next one valid, the others train."""
    following = folds[(list(folds).index(fold) + 1) % len(folds)]
    part = np.where(number == fold, PARTS.index("test"), PARTS.index("train"))
    part[number == following] = PARTS.index("valid")
    part[number == NOWHERE] = NOWHERE
    return part.astype(np.int64)


def _fold(text: str) -> int | None:
    """Return the number of a fold, which spreadsheets may write as 1.0."""
    whole = text.removesuffix(".0")
    return int(whole) if whole.isdecimal() and whole.isascii() and len(whole) < 10 else None
