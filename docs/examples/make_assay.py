"""Write assay.csv, the example of a table whose labels are numbers, words, classes and weights.

The molecules are from the NCI set of RDKit. All measurements are made up: the pIC50 is 4, plus 2 for a
hydroxyl or amino group on an aromatic ring, plus a little for the calculated logP and for noise.
"""

import csv
import random
from pathlib import Path

from rdkit import Chem, RDConfig, RDLogger
from rdkit.Chem.Crippen import MolLogP

DONOR = Chem.MolFromSmarts("c[OH,NH2]")
ACID, AMINE = Chem.MolFromSmarts("C(=O)[OH]"), Chem.MolFromSmarts("[NX3;H1,H2;!$(NC=O)]")
ROWS = 600


def main(folder: Path) -> None:
    RDLogger.DisableLog("rdApp.*")
    lines = (Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi").read_text().splitlines()
    molecules = {Chem.CanonSmiles(s): s for s in (line.split()[0] for line in lines if line) if Chem.MolFromSmiles(s)}
    draw = random.Random(18)
    rows = []
    for number, text in enumerate(draw.sample(list(molecules.values()), ROWS), 1):
        molecule = Chem.MolFromSmiles(text)
        value = 4 + 2 * molecule.HasSubstructMatch(DONOR) + 0.2 * MolLogP(molecule) + draw.gauss(0, 0.4)
        shown = "n.d." if draw.random() < 0.03 else "<4.5" if value < 4.5 else f"{value:.2f}"
        outcome = "Inconclusive" if shown == "n.d." else "Active" if value > 6.5 else "Inactive"
        series = (
            "acid" if molecule.HasSubstructMatch(ACID) else "amine" if molecule.HasSubstructMatch(AMINE) else "other"
        )
        quality = 0 if draw.random() < 0.02 else round(draw.uniform(0.5, 1), 2)
        rows.append([f"A{number:03}", text, shown, outcome, series, quality])
    with (folder / "assay.csv").open("w", newline="") as file:
        header = ["compound", "SMILES", "pIC50", "outcome", "series", "quality"]
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


if __name__ == "__main__":
    main(Path(__file__).parent)
