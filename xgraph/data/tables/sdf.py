"""SD files: molecule blocks, which RDKit reads, with properties."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from xgraph.data.tables.columns import Columns, columns_of, rows_per_piece
from xgraph.data.tables.formats import READ
from xgraph.data.tables.packed import open_text

_PROPERTY = re.compile(r">.*?<(.*)>")
SMILES, TITLE = "smiles", "title"


class _Record(NamedTuple):
    """An entry of a file."""

    block: list[str]  # the lines of the molecule, with "M  END" if there is one
    properties: dict[str, str]


def sdf_pieces(path: Path, rows: int, encoding: str | None) -> Iterator[Columns]:
    """Yield the pieces of a file: a column with SMILES, one with titles if there are any, and one for each property."""
    names = _columns(path, encoding)
    with open_text(path, encoding) as text:
        records = _records(text)
        step, before = rows_per_piece(rows, len(names)), 0
        while piece := list(islice(records, step)):
            yield _piece(piece, names)
            before += len(piece)
    if not before:
        yield columns_of([SMILES], [])


def _columns(path: Path, encoding: str | None) -> dict[str, str]:
    """Column -> property, for all properties of a file; those of the molecule itself are empty."""
    properties: dict[str, None] = {}
    titles = False
    with open_text(path, encoding) as text:
        for record in _records(text):
            if any("\0" in line for line in record.block[:4]):
                raise ValueError(f"{path} is not an SD file; {READ} are read")
            titles = titles or bool(record.block and record.block[0].strip())
            properties |= dict.fromkeys(record.properties)
    own = [SMILES, TITLE] if titles else [SMILES]
    columns = dict.fromkeys(own, "")
    for name in properties:
        columns[f"{name} (property)" if name in own else name] = name
    return columns


def _records(lines: Iterable[str]) -> Iterator[_Record]:
    """Yield the entries of a file; blank lines at its end are none."""
    entry: list[str] = []
    for line in lines:
        if line.startswith("$$$$"):
            yield _record(entry)
            entry = []
        else:
            entry.append(line.rstrip("\r\n"))
    if any(line.strip() for line in entry):
        yield _record(entry)


def _record(lines: list[str]) -> _Record:
    end = next((i for i, line in enumerate(lines) if line.startswith("M  END")), None)
    if end is None:  # a block that is cut off, or none: what follows cannot be told from it
        return _Record(lines, {})
    properties: dict[str, str] = {}
    rest = iter(lines[end + 1 :])
    for line in rest:
        if name := _PROPERTY.match(line):
            value = []
            for part in rest:
                if not part.strip():
                    break
                value.append(part)
            properties[name[1].strip() or "property"] = "\n".join(value).strip()
    return _Record(lines[: end + 1], properties)


def _piece(records: list[_Record], columns: dict[str, str]) -> Columns:
    from rdkit.rdBase import BlockLogs

    rows, errors = [], {}
    with BlockLogs():
        for i, record in enumerate(records):
            own = {SMILES: "", TITLE: record.block[0].strip() if record.block else ""}
            try:
                own[SMILES] = _smiles(record.block)
            except ValueError as error:
                errors[i] = str(error)
            rows.append([record.properties.get(name, "") if name else own[column] for column, name in columns.items()])
    return columns_of(list(columns), rows, errors)


def _smiles(block: list[str]) -> str:
    """Return the SMILES of a molecule block; ValueError if it cannot be read."""
    from rdkit import Chem

    if not block or not block[-1].startswith("M  END"):
        raise ValueError("the molecule block is cut off: it has no line 'M  END'")
    text = "\n".join(block) + "\n"
    molecule = Chem.MolFromMolBlock(text)
    if molecule is None:
        raw = Chem.MolFromMolBlock(text, sanitize=False)
        if raw is None:
            raise ValueError("RDKit cannot read the molecule block")
        try:
            Chem.SanitizeMol(raw)
        except Exception as error:  # RDKit's own exception types and RuntimeError
            raise ValueError(f"RDKit rejects the molecule: {' '.join(str(error).split())[:200]}") from None
        raise ValueError("RDKit cannot read the molecule block")
    smiles: str = Chem.MolToSmiles(molecule)
    if not smiles:
        raise ValueError("the molecule block has no atoms")
    return smiles
