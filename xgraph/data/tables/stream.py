"""Tables from standard input: kept as files, as reading looks at a table more than once."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from xgraph.data.tables.dialect import SEPARATORS
from xgraph.data.tables.formats import PARQUET, ZIP
from xgraph.data.tables.packed import open_text
from xgraph.data.tables.smi import is_header

_BLOCK = re.compile(r".{33,}V[23]000\s*")  # the fourth line of a molecule block
_FIRST = 50  # lines that are looked at


def keep_stream(stream: BinaryIO, folder: Path) -> Path:
    """Copy a table to a file in a folder, named by its content, with the ending of its format, and return its path.

    A table that is Parquet, a workbook or an SD file is recognised as such. It is an SMI file if its first line begins
    with a SMILES, or is a header such as ``smiles name``, and delimited text otherwise.

    Raises:
        ValueError: If there is nothing to read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=folder)
    temporary, digest = Path(name), hashlib.sha256()
    try:
        with os.fdopen(number, "wb") as file:
            while part := stream.read(1 << 20):
                digest.update(part)
                file.write(part)
        if not temporary.stat().st_size:
            raise ValueError("standard input is empty; expected a table")
        kept = folder / f"{digest.hexdigest()[:16]}{_ending(temporary)}"
        temporary.replace(kept)
    finally:
        temporary.unlink(missing_ok=True)
    return kept


def _ending(path: Path) -> str:
    """The ending of a file with this content, without that of a compression, which is told by the content."""
    with path.open("rb") as file:
        start = file.read(4)
    if start in (PARQUET, ZIP):
        return ".parquet" if start == PARQUET else ".xlsx"
    try:
        with open_text(path) as text:
            lines = list(islice(text, _FIRST))
    except ValueError:  # another encoding, or damaged, which the reader will say
        return ".csv"
    if len(lines) > 3 and _BLOCK.fullmatch(lines[3]):
        return ".sdf"
    return ".smi" if _is_smi(next((line for line in lines if line.strip()), "")) else ".csv"


def _is_smi(line: str) -> bool:
    """Whether a file is SMI by its first line."""
    words = line.split()
    if not words or any(separator in line for separator in SEPARATORS if separator != "\t"):
        return False
    if any(is_header(word) for word in words):
        return is_header(line) and len(words) > 1 and "\t" not in line
    from rdkit import Chem
    from rdkit.rdBase import BlockLogs

    with BlockLogs():
        return Chem.MolFromSmiles(words[0]) is not None
