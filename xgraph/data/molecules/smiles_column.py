"""The column of SMILES in a table: requested, or recognised by its name or its values."""

from __future__ import annotations

import warnings
from itertools import islice

from xgraph.data.molecules.molecule import parses
from xgraph.data.tables.frame import TablePath
from xgraph.messages import listed, shown

SMILES_NAMES = ("smiles", "canonical_smiles", "isomeric_smiles", "smile", "smi", "mol", "molecule", "structure")
SAMPLE = 50  # cells inspected to detect the SMILES column by its values


def find_smiles(columns: dict[str, list[str]], requested: str | None, path: TablePath) -> str:
    """Return the name of the SMILES column: the requested one, or one detected by name or by its values."""
    existing = f"the columns of {path} are {listed(columns)}"
    if requested is not None:
        if requested not in columns:
            raise ValueError(f"smiles_column {requested!r} does not exist: {existing}")
        return requested
    by_name = {name.lower().replace(" ", "_"): name for name in reversed(list(columns))}
    named = [by_name[name] for name in SMILES_NAMES if name in by_name]
    chosen = next((name for name in named if share_parsed(columns[name]) > 0.5), None)
    if chosen is None:
        share = {name: share_parsed(cells) for name, cells in columns.items()}
        chosen = max(share, key=lambda name: share[name])
        if share[chosen] < 0.8:
            cells = columns[named[0]] if named else []
            if not named or (cells and not any(map(str.strip, cells))):
                remedy = "set smiles_column (--smiles-column)"
                if {"bag", "bag_id"} & set(by_name):
                    remedy += "; for a table of bags, set bag_column (--bag-column)"
                if any(character in name for name in columns for character in ";\t|"):
                    remedy += "; if the cells are separated in another way, set separator (--separator)"
                raise ValueError(f"no SMILES column found: {existing}; {remedy}")
            chosen = named[0]  # no column parses; each of its rows says why
        elif parses(chosen):
            raise ValueError(f"{path} seems to have no header line: its first line is a molecule, {shown(chosen)}")
    _warn_if_ambiguous(columns, named, chosen, path)
    return chosen


def _warn_if_ambiguous(columns: dict[str, list[str]], named: list[str], chosen: str, path: TablePath) -> None:
    """Warn if a column that is called like one of SMILES was passed over, or if a vague name was decisive."""
    passed_over = named[: named.index(chosen)] if chosen in named else named
    remedy = "set smiles_column (--smiles-column) to choose"
    if passed_over:
        others = ", ".join(map(repr, passed_over))
        warnings.warn(f"{path}: reading SMILES from {chosen!r}; {others} holds no SMILES; {remedy}", stacklevel=3)
    elif chosen in named and "smi" not in chosen.lower():
        parsed = [name for name, cells in columns.items() if name != chosen and share_parsed(cells) > 0.5]
        if parsed:
            others = ", ".join(map(repr, parsed))
            text = f"{path}: reading SMILES from {chosen!r}, but {others} holds SMILES too; {remedy}"
            warnings.warn(text, stacklevel=3)


def share_parsed(cells: list[str]) -> float:
    """Return which share of the first filled cells are SMILES."""
    sample = list(islice(filter(str.strip, cells), SAMPLE))
    molecules = {cell for cell in set(sample) if not _is_number(cell) and parses(cell)}
    return sum(cell in molecules for cell in sample) / len(sample) if sample else 0.0


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
