"""Tables of molecules as a notebook shows them, with the molecules drawn."""

from typing import TYPE_CHECKING

from xgraph.data.molecules.drawing import draw_molecule
from xgraph.explanations.drawing import draw
from xgraph.notebooks import box, pictures
from xgraph.options import OptionError

if TYPE_CHECKING:
    import pandas as pd

MOST = 50
"""Number of molecules that are drawn."""


class Shown:
    """Molecules that a notebook shows, returned by :func:`show_molecules`."""

    def __init__(self, html: str) -> None:
        self._html = html

    def _repr_html_(self) -> str:
        return self._html


def show_molecules(frame: "pd.DataFrame", *, smiles_column: str = "smiles", most: int = MOST) -> Shown:
    """Show a table in a notebook with its molecules drawn.

    Args:
        frame: A table with one molecule per row, such as the result of :func:`~xgraph.training.predict`, or the result
            of :func:`explain`, whose atoms are then coloured. Other columns are shown below each molecule.
        smiles_column: Column of SMILES.
        most: Number of molecules to show, from the first.

    Returns:
        An object that a notebook shows. A molecule that cannot be drawn has its text only.

    Raises:
        OptionError: If there is no such column. It is a ``ValueError``.

    Example:
        >>> import pandas as pd
        >>> shown = show_molecules(pd.DataFrame({"smiles": ["CCO", "C1CC"], "score": [0.5, None]}))
        >>> shown._repr_html_().count("<svg"), "not drawn" in shown._repr_html_()
        (1, True)
    """
    if smiles_column not in frame.columns:
        names = ", ".join(map(repr, list(frame.columns)[:10]))
        raise OptionError(f"smiles_column = {smiles_column!r}: expected one of the columns of the table: {names}")
    if {"part", "atom", "total"} <= set(frame.columns):
        coloured = draw(frame)
        rows = frame.drop_duplicates(["item", "task"])[["item", "task", smiles_column, "score", "error"]]
        own = [coloured.get((int(row["item"]), str(row["task"])), "") for _, row in rows[:most].iterrows()]
    else:
        rows = frame
        own = [_picture(text) for text in rows[smiles_column][:most]]
    cards = []
    for picture, (_, row) in zip(own, rows[:most].iterrows(), strict=True):
        cells = [(name, cell) for name, cell in row.items() if name != smiles_column and not _empty(cell)]
        lines = [f"{name}: {cell:.4g}" if isinstance(cell, float) else f"{name}: {cell}" for name, cell in cells]
        cards.append((picture, [row[smiles_column], *lines]))
    left = f" of {len(rows):,}" if len(rows) > most else ""
    return Shown(box(f"{len(cards):,}{left} molecules", pictures(cards)))


def _picture(smiles: object) -> str:
    try:
        return draw_molecule(str(smiles))
    except ValueError:
        return ""


def _empty(cell: object) -> bool:
    return cell is None or cell == "" or cell != cell
