"""Molecules drawn as SVG, with atoms and bonds coloured by their attributions."""

import html
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdDepictor
from rdkit.Chem.Draw import rdMolDraw2D
from rdkit.rdBase import BlockLogs

from xgraph.data.molecules.molecule import parse

if TYPE_CHECKING:
    import pandas as pd

MOST_ATOMS = 200
"""Molecules with more atoms are not drawn: nothing could be seen."""

RAISES, LOWERS = (0.90, 0.45, 0.0), (0.15, 0.45, 0.85)
"""Orange and blue: they differ for colour-blind people, and are seen on white and on black."""


def draw_molecule(
    smiles: str,
    atoms: Sequence[float] | None = None,
    bonds: Mapping[tuple[int, int], float] | None = None,
    *,
    size: tuple[int, int] = (240, 180),
) -> str:
    """Draw a molecule as an ``<svg>`` element that suits light and dark pages: lines have the colour of the text.

    Atoms and bonds are orange where their attribution is positive, that is, raises the score, and blue where it is
    negative. The largest has the strongest colour.

    Args:
        smiles: SMILES of the molecule.
        atoms: Attribution of each atom; NaN for none.
        bonds: Attribution of bonds by their two atoms.
        size: Width and height in pixels.

    Raises:
        ValueError: If the SMILES is invalid, the molecule has more than 200 atoms, or `atoms` has another length.

    Example:
        >>> draw_molecule("CCO", atoms=[0.0, -0.5, 1.0])[:4]
        '<svg'
    """
    molecule = parse(smiles)
    n = molecule.GetNumAtoms()
    if n > MOST_ATOMS:
        raise ValueError(f"smiles: the molecule has {n} atoms, of which at most {MOST_ATOMS} are drawn")
    values = np.zeros(n) if atoms is None else np.nan_to_num(np.asarray(atoms, dtype=float))
    if values.shape != (n,):
        raise ValueError(f"atoms must have one value for each of the {n} atoms, got {len(values)}")
    of_bonds: dict[int, float] = {}
    for (a, b), value in (bonds or {}).items():
        bond = molecule.GetBondBetweenAtoms(int(a), int(b))
        if bond is not None and np.isfinite(value):
            of_bonds[bond.GetIdx()] = float(value)
    largest = max([*np.abs(values).tolist(), *map(abs, of_bonds.values()), 1e-12])
    atom_colors = {i: _color(v / largest) for i, v in enumerate(values.tolist()) if abs(v) > 0.05 * largest}
    bond_colors = {i: _color(v / largest) for i, v in of_bonds.items() if abs(v) > 0.05 * largest}
    drawer = rdMolDraw2D.MolDraw2DSVG(*size)
    options = drawer.drawOptions()
    options.useBWAtomPalette()
    options.clearBackground = False
    options.padding = 0.08
    options.fixedBondLength = 30
    for atom in molecule.GetAtoms():
        atom.SetAtomMapNum(0)
    try:
        with BlockLogs():
            rdDepictor.Compute2DCoords(molecule)
            drawer.DrawMolecule(
                rdMolDraw2D.PrepareMolForDrawing(molecule, kekulize=_kekulizes(molecule)),
                highlightAtoms=list(atom_colors),
                highlightAtomColors=atom_colors,
                highlightBonds=list(bond_colors),
                highlightBondColors=bond_colors,
                highlightAtomRadii=dict.fromkeys(atom_colors, 0.4),
            )
        drawer.FinishDrawing()
    except Exception as error:  # RDKit's own types
        raise ValueError(f"smiles: {smiles!r} cannot be drawn: {' '.join(str(error).split())[:200]}") from None
    return _plain(drawer.GetDrawingText())


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
    what = "score" if unit == "score" else "log-odds of the label"
    return f"Orange atoms raise the {what}, blue ones lower it; the strongest colour is the largest in its molecule."


def page(frame: "pd.DataFrame", title: str) -> str:
    """Return a page with the molecules of an explanation drawn, which needs no network."""
    cards = []
    pictures = draw(frame)
    first = frame.drop_duplicates(["item", "task"])
    for row in first.itertuples():
        known = row.item == row.item and row.task == row.task
        picture = pictures.get((int(row.item), str(row.task))) if known else None
        below = row.error or f"{row.task}: {row.score:.3g}"
        cards.append(
            f"<figure>{picture or '<p>not drawn</p>'}<figcaption>{html.escape(str(row.smiles))}<br>"
            f"{html.escape(str(below))}</figcaption></figure>"
        )
    about = f"Method: {frame.attrs.get('method', '')}. {legend(frame.attrs.get('unit', ''))}"
    return _PAGE.format(title=html.escape(title), about=html.escape(about), cards="\n".join(cards))


def _color(share: float) -> tuple[float, float, float, float]:
    return (*(RAISES if share > 0 else LOWERS), 0.15 + 0.65 * min(abs(share), 1.0))


def _kekulizes(molecule: Any) -> bool:
    try:
        Chem.Kekulize(Chem.Mol(molecule))
    except Exception:  # RDKit's own types
        return False
    return True


def _plain(svg: str) -> str:
    """Return the picture without what does not belong on a page, in the colour of the text around it."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.S)
    head = re.match(r"<svg[^>]*?width='(\d+)px' height='(\d+)px'[^>]*>", svg, flags=re.S)
    if head is None:
        raise ValueError("RDKit's picture has no size")
    start = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {head[1]} {head[2]}' width='{head[1]}'>"
    svg = start + svg[head.end() :]
    svg = re.sub(r" class='[^']*'", "", svg)
    return svg.replace("#000000", "currentColor")


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 1.5rem; overflow-wrap: anywhere; }}
main {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr)); gap: 1rem; }}
figure {{ margin: 0; padding: 0.5rem; border: 1px solid #8886; border-radius: 0.5rem; }}
figure svg {{ width: 100%; height: auto; }} figcaption {{ font-size: 0.85rem; }}
</style></head><body><h1>{title}</h1><p>{about}</p><main>
{cards}
</main></body></html>
"""
