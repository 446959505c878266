"""The texts that describe molecules, from a column beside the SMILES."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xgraph.data.cards.named import names
from xgraph.data.molecules.smiles_column import find_smiles
from xgraph.data.storage.root import expanded
from xgraph.data.tables.read import read_columns
from xgraph.messages import listed


def texts_of(smiles: Sequence[str], datasets: Sequence[str], text_column: str) -> list[str]:
    """Return the text of each molecule: that of the first row with its SMILES that has one, or "".

    Args:
        smiles: SMILES as they are in the files.
        datasets: Paths of files with molecules and texts.
        text_column: Name of the column of texts.

    Raises:
        ValueError: If a data set is not a file, or a file does not have the column.
    """
    found: dict[str, str] = {}
    for name in datasets:
        if name in names() and not Path(name).is_file():
            raise ValueError(
                f"text_column: {name!r} is a registered data set, which has no texts; give files with SMILES and a "
                "column of texts"
            )
        for text, molecule in _pairs(name, text_column):
            if text and molecule:
                found.setdefault(molecule, text)
    return [found.get(molecule, "") for molecule in smiles]


def _pairs(name: str, text_column: str) -> list[tuple[str, str]]:
    path = expanded(name)
    columns = read_columns(path, keep_errors=True)
    if text_column not in columns:
        raise ValueError(f"text_column {text_column!r} does not exist: the columns of {path} are {listed(columns)}")
    texts, molecules = columns[text_column], columns[find_smiles(columns, None, path)]
    pairs = zip(texts, molecules, strict=True)
    return [(text.strip(), molecule.strip()) for i, (text, molecule) in enumerate(pairs) if i not in columns.errors]
