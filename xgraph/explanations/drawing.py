"""Explanations of molecules as pictures, and as a page of them."""

import html
from typing import TYPE_CHECKING

import numpy as np

from xgraph.data.molecules.drawing import draw_molecule
from xgraph.data.molecules.molecule import parse
from xgraph.explanations.results import SCORE, TARGET
from xgraph.notebooks import pictures as pictures_of

if TYPE_CHECKING:
    import pandas as pd


def molecule_of(frame: "pd.DataFrame") -> str:
    """Draw one molecule and task of an explanation.

    Args:
        frame: Rows of `explain` for the molecule.
    """
    smiles = str(frame["smiles"].iloc[0])
    atoms = frame[frame["part"] == "atom"]
    values = np.full(parse(smiles).GetNumAtoms(), np.nan)
    values[atoms["atom"].to_numpy(dtype=int)] = atoms["total"].to_numpy(dtype=float)
    return draw_molecule(smiles, values.tolist())


def draw(frame: "pd.DataFrame") -> dict[tuple[int, str], str]:
    """Draw the molecules of an explanation, with atoms coloured by ``total``.

    Args:
        frame: The result of :func:`explain` for molecules.

    Returns:
        The pictures, ``<svg>`` elements, by ``item`` and ``task``. Molecules that cannot be drawn are left out.

    Raises:
        ValueError: If the table does not explain molecules.

    Example:
        >>> import pandas as pd
        >>> rows = {"item": 0, "smiles": "CO", "task": "t", "part": "atom", "atom": [0, 1], "total": [0.5, -1.0]}
        >>> list(draw(pd.DataFrame(rows)))
        [(0, 't')]
    """
    missing = {"item", "smiles", "task", "part", "atom", "total"} - set(frame.columns)
    if missing:
        raise ValueError(f"frame: expected the result of explain for molecules, without {', '.join(sorted(missing))}")
    pictures = {}
    for (item, task), rows in frame[frame["part"] == "atom"].groupby(["item", "task"], sort=False):
        try:
            pictures[int(item), str(task)] = molecule_of(rows)
        except ValueError:
            continue
    return pictures


def legend(unit: str) -> str:
    """Return what the colours mean, as text."""
    what = {SCORE: "score", TARGET: "prediction"}.get(unit, "log-odds of the label")
    return f"Orange atoms raise the {what}, blue ones lower it; the strongest colour is the largest in its molecule."


def page(frame: "pd.DataFrame", title: str) -> str:
    """Return a page with the molecules of an explanation drawn, which needs no network."""
    cards = []
    pictures = draw(frame)
    first = frame.drop_duplicates(["item", "task"])
    for row in first.itertuples():
        known = row.item == row.item and row.task == row.task
        picture = pictures.get((int(row.item), str(row.task))) if known else None
        cards.append((picture or "", [row.smiles, row.error or f"{row.task}: {row.score:.3g}"]))
    about = f"Method: {frame.attrs.get('method', '')}. {legend(frame.attrs.get('unit', ''))}"
    return _PAGE.format(title=html.escape(title), about=html.escape(about), cards=pictures_of(cards))


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 1.5rem; overflow-wrap: anywhere; }}
figure {{ padding: 0.5rem; border: 1px solid #8886; border-radius: 0.5rem; }}
figure svg {{ width: 100%; height: auto; }}
</style></head><body><h1>{title}</h1><p>{about}</p>
{cards}
</body></html>
"""
