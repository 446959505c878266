"""How a table is written: its encoding, where its header line is, and what separates its cells."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

SEPARATORS = (",", ";", "\t")
WORDS = {"comma": ",", "tab": "\t", "semicolon": ";", "space": " "}
SAMPLE = 50  # lines below the header from which the separator is recognised

_ANNOUNCED = re.compile(r'"?sep=(.)"?', re.IGNORECASE)  # a line that Excel reads and writes


class Dialect(NamedTuple):
    """What `recognise` finds in the first lines of a file."""

    header: str
    above: int  # lines above the header
    separator: str


class TextFormat(NamedTuple):
    """What a user says of how a text file is written; None is recognised."""

    separator: str | None = None
    encoding: str | None = None


def encoding_of(start: bytes) -> str:
    """Encoding by a byte-order mark; UTF-8 without one."""
    return "utf-16" if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"


def check_encoding(name: str | None) -> str | None:
    """Return the name of an encoding of text after checking that it exists."""
    if name is None:
        return None
    try:
        "".encode(name)
    except (LookupError, TypeError, ValueError):
        raise ValueError(
            f"encoding must be the name of an encoding, such as utf-8, utf-16, cp1252 or latin-1, got {name!r}"
        ) from None
    return "utf-8-sig" if codecs.lookup(name).name == "utf-8" else name


def check_separator(text: str | None) -> str | None:
    """Return the character that a setting means: itself, or a word for one."""
    if text is None:
        return None
    separator = WORDS.get(text, text)
    if not isinstance(separator, str) or len(separator) != 1 or separator in '"\r\n\0':
        raise ValueError(f"separator must be a single character, or {', '.join(WORDS)}, got {text!r}")
    return separator


def recognise(lines: Iterable[str], separator: str | None = None) -> Dialect | None:
    """Recognise a table by its first lines, except for a separator that is known; None if all lines are blank."""
    numbered = ((i, line) for i, line in enumerate(lines) if line.strip())
    above, header = next(numbered, (0, ""))
    announced = _ANNOUNCED.fullmatch(header.strip("\r\n "))
    if announced:
        above, header = next(numbered, (0, ""))
    if not header:
        return None
    if announced:
        return Dialect(header, above, separator or announced[1])
    if separator is not None:
        return Dialect(header, above, separator)
    return Dialect(header, above, _separator(header, [line for _, line in islice(numbered, SAMPLE)]))


def _separator(header: str, sample: Sequence[str]) -> str:
    """The separator by which most rows have as many cells as the header, outside quotes; more than one cell if any."""

    def fit(separator: str) -> tuple[bool, float, int]:
        try:
            widths = [len(row) for row in csv.reader([header, *sample], delimiter=separator, strict=True) if row]
        except csv.Error:  # reported when the file is read
            return False, 0.0, header.count(separator) + 1
        width, rows = widths[0], widths[1:]
        if width == 1:
            return False, 0.0, 1
        share = sum(other == width for other in rows) / len(rows) if rows else 1.0
        return share > 0, share, width

    return max(SEPARATORS, key=fit)


def header_cells(header: str, separator: str, path: object) -> list[str]:
    """Return the cells of a header line; raise `ValueError` if a cell is too long, or a quote is not closed."""
    try:
        return next(csv.reader([header], delimiter=separator))
    except csv.Error as error:
        raise ValueError(f"{path}: its header cannot be read: {error} (possibly an unbalanced quote)") from error
