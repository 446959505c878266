"""Write molecules.csv, candidates.csv, project.csv and project-new.csv, the example tables of the documentation.

The molecules are from the NCI set that RDKit's wheel carries. The label `active` is a rule, not an assay: 1 if the
molecule has a hydroxyl or amino group on an aromatic ring and a calculated logP of at least 2.5, 0 if not.
"""

import csv
import random
from pathlib import Path

from rdkit import Chem, RDConfig, RDLogger
from rdkit.Chem.Crippen import MolLogP
from rdkit.Chem.Descriptors import MolWt

DONOR = Chem.MolFromSmarts("c[OH,NH2]")
LOGP = 2.5
LABELLED, CANDIDATES, PROJECT, LATER = 1500, 200, 800, 240
FOLDS = 5


def main(folder: Path) -> None:
    RDLogger.DisableLog("rdApp.*")
    lines = (Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi").read_text().splitlines()
    molecules = {Chem.CanonSmiles(s): s for s in (line.split()[0] for line in lines if line) if Chem.MolFromSmiles(s)}
    smiles = random.Random(0).sample(list(molecules.values()), LABELLED + CANDIDATES)
    others = random.Random(1).sample(sorted(set(molecules.values()) - set(smiles)), PROJECT + LATER)
    rows = []
    for number, text in enumerate(smiles[:LABELLED], 1):
        rows.append([f"M{number:04}", text, active(text), f"{MolWt(Chem.MolFromSmiles(text)):.1f}"])
    rows[17][2] = rows[250][2] = ""  # two missing labels
    rows[99][1] = "c1ccccc"  # and a ring that is never closed
    write(folder / "molecules.csv", ["name", "smiles", "active", "weight"], rows)
    candidates = [[f"C{number:03}", text] for number, text in enumerate(smiles[LABELLED:], 1)]
    candidates[2][1] = "CC(=O)Oc1ccccc1C(=O"
    write(folder / "candidates.csv", ["name", "smiles"], candidates)
    parts = random.Random(8).choices(["train", "valid", "test"], [8, 1, 1], k=PROJECT)
    parts[40] = parts[500] = ""  # two rows in no part
    folds = random.Random(3).choices(range(FOLDS), k=PROJECT)
    rows = [[f"P{i:04}", text, active(text), parts[i], folds[i]] for i, text in enumerate(others[:PROJECT])]
    write(folder / "project.csv", ["compound", "smiles", "active", "set", "fold"], rows)
    later = [[f"P{i:04}", text, active(text)] for i, text in enumerate(others[PROJECT:], PROJECT)]
    later[9][2] = ""  # not measured yet
    write(folder / "project-new.csv", ["compound", "smiles", "active"], later)


def active(smiles: str) -> int:
    """The label."""
    molecule = Chem.MolFromSmiles(smiles)
    return int(molecule.HasSubstructMatch(DONOR) and MolLogP(molecule) >= LOGP)


def write(path: Path, header: list[str], rows: list[list[object]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


if __name__ == "__main__":
    main(Path(__file__).parent)
