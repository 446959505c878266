"""Molecules drawn as SVG, with atoms and bonds coloured by numbers."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdDepictor, rdMolTransforms
from rdkit.Chem.Draw import rdMolDraw2D
from rdkit.rdBase import BlockLogs

from xgraph.data.molecules.molecule import parse

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


def draw_conformer(molecule: Any, conformer: int, *, size: tuple[int, int] = (240, 180)) -> str:
    """Draw a conformer of an RDKit molecule, without hydrogens, as it is seen along its shortest axis.

    Args:
        molecule: The molecule, with conformers.
        conformer: Number of the conformer.
        size: Width and height in pixels.
    """
    with BlockLogs():
        one = Chem.RemoveHs(Chem.Mol(molecule, confId=conformer))
        rdMolTransforms.CanonicalizeConformer(one.GetConformer())
        for atom, place in zip(one.GetAtoms(), one.GetConformer().GetPositions(), strict=True):
            one.GetConformer().SetAtomPosition(atom.GetIdx(), (place[0], place[1], 0.0))
        drawer = rdMolDraw2D.MolDraw2DSVG(*size)
        options = drawer.drawOptions()
        options.useBWAtomPalette()
        options.clearBackground = False
        options.padding = 0.08
        options.prepareMolsBeforeDrawing = False
        drawer.DrawMolecule(one)
        drawer.FinishDrawing()
    return _plain(drawer.GetDrawingText())


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
