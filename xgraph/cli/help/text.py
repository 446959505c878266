"""Help as plain text that fits the terminal and reads the same in a pipe."""

import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence

_WIDEST = 100
_TOGETHER = re.compile(r"(?<=\[default:) | (?=\d[\d.]*[])])")
"""Spaces at which no line breaks: in ``[default: 5]`` and in ``(0, 1]``."""

_LEFT = 28
"""Columns of names; a longer one stands on a line of its own."""


def line_width() -> int:
    """Columns that help may take: those of the terminal, within reason."""
    return max(40, min(shutil.get_terminal_size().columns, _WIDEST))


def printable(text: str) -> str:
    """The text without characters that standard output cannot encode: the Greek letters of a loss, in some pipes."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, errors="replace").decode(encoding)


def paragraphs(text: str, indent: int = 0) -> str:
    """Wrap a text, paragraph by paragraph."""
    parts = [" ".join(part.split()) for part in text.split("\n\n")]
    return "\n\n".join(wrapped(part, indent) for part in parts if part)


def wrapped(text: str, indent: int = 0, hanging: int = 0) -> str:
    """Wrap one paragraph; its lines but the first are indented by `hanging` more."""
    return "\n".join(_lines(text, line_width(), " " * indent, " " * (indent + hanging)))


def definitions(rows: Iterable[tuple[str, str]], indent: int = 2) -> str:
    """Names on the left, texts on the right. A name is never cut: if it is too long, its text follows below."""
    rows, lines, pad = list(rows), [], " " * indent
    column = indent + min(_LEFT, max((len(name) for name, _ in rows), default=0)) + 2
    for name, text in rows:
        body = _lines(text, max(line_width() - column, 20))
        if len(pad + name) + 2 > column or not body:
            lines.append(pad + name)
        else:
            lines.append((pad + name).ljust(column) + body.pop(0))
        lines += [" " * column + line for line in body]
    return "\n".join(lines)


def table(rows: Sequence[Sequence[str]], indent: int = 0) -> str:
    """Rows with all columns aligned to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(" " * indent + line for line in lines)


def section(title: str, body: str) -> str:
    """A body under its title."""
    return f"{title}:\n{body}"


def first_sentence(text: str) -> str:
    """The text up to its first full stop that ends a sentence."""
    for end in range(1, len(text)):
        if text[end - 1 : end + 1] == ". " and (text[end + 1].isupper() or text[end + 1] in "-`"):
            return text[:end]
    return text


def _lines(text: str, width: int, first: str = "", other: str = "") -> list[str]:
    wrapper = textwrap.TextWrapper(
        width, initial_indent=first, subsequent_indent=other, break_long_words=False, break_on_hyphens=False
    )
    return [line.replace("\xa0", " ") for line in wrapper.wrap(_TOGETHER.sub("\xa0", text))]
