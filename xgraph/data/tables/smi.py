"""SMI files: a SMILES and a name in each line, with or without a header line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

from xgraph.data.tables.columns import Columns, column_names, columns_of, rows_per_piece
from xgraph.data.tables.formats import READ
from xgraph.data.tables.packed import open_text

# A SMILES with an extension in bars (CXSMILES), and what follows it.
_LINE = re.compile(r"\s*(\S*(?:[ \t]+\|[^|]*\|(?=\s|$))?)\s*(.*)")
_HEADERS = ("mol", "molecule", "structure")


def smi_pieces(path: Path, rows: int, encoding: str | None) -> Iterator[Columns]:
    """Yield the pieces of a file; without a header line its columns are `smiles` and `name`."""
    with open_text(path, encoding) as text:
        lines: Iterable[str] = text
        first = next(text, "")
        if "\0" in first:
            raise ValueError(f"{path} is not a text file; {READ} are read")
        header = _header(first)
        if header is None:
            header, lines = ["smiles", "name"], chain([first] if first else [], text)
        names, tabs = column_names(header, path), "\t" in first.strip() and header != ["smiles", "name"]
        cells = (_cells(line, len(names), tabs) for line in lines)
        step, before = rows_per_piece(rows, len(names)), 0
        while piece := list(islice(cells, step)):
            yield columns_of(names, piece)
            before += len(piece)
        if not before:
            yield columns_of(names, [])


def is_header(line: str) -> bool:
    """Whether a line is the header of an SMI file: its first word is a name for SMILES, and no SMILES."""
    word = line.lstrip("# \t").split(maxsplit=1)[:1]
    return bool(word) and "[" not in word[0] and ("smi" in word[0].lower() or word[0].lower() in _HEADERS)


def _header(line: str) -> list[str] | None:
    if not is_header(line):
        return None
    text = line.lstrip("# \t").strip()
    names = text.split("\t") if "\t" in text else text.split()
    return names if len(names) > 1 else [*names, "name"]


def _cells(line: str, width: int, tabs: bool) -> list[str]:
    """Split a line into as many cells as there are columns; the last one takes what remains."""
    line = line.strip("\r\n")
    if tabs:
        cells = line.split("\t", width - 1)
    else:
        match = _LINE.fullmatch(line)
        smiles, rest = (match[1], match[2]) if match else (line, "")
        cells = [smiles, *rest.split(maxsplit=width - 2)] if width > 2 else [smiles, rest]
    return [cell.strip() for cell in cells] + [""] * (width - len(cells))
