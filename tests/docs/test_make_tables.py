"""The tables of molecules in the documentation come from the script beside them, and follow the rule that it states."""

import csv
import runpy

from rdkit import Chem
from rdkit.Chem.Crippen import MolLogP

from tests.docs.blocks import DOCS

SCRIPT = DOCS / "examples" / "make_tables.py"


def test_the_script_writes_the_tables(tmp_path):
    runpy.run_path(str(SCRIPT))["main"](tmp_path)
    for name in ("molecules.csv", "candidates.csv", "project.csv", "project-new.csv"):
        assert (tmp_path / name).read_bytes() == (DOCS / "examples" / name).read_bytes()


def test_the_tables_of_a_project_share_no_molecule_and_have_actives_in_every_part():
    tables = []
    for name in ("project.csv", "project-new.csv", "molecules.csv", "candidates.csv"):
        with (DOCS / "examples" / name).open(newline="") as file:
            tables.append(list(csv.DictReader(file)))
    smiles = [{Chem.CanonSmiles(row["smiles"]) for row in rows if Chem.MolFromSmiles(row["smiles"])} for rows in tables]
    assert len(smiles[0] | smiles[1]) == len(tables[0]) + len(tables[1])
    assert not (smiles[0] | smiles[1]) & (smiles[2] | smiles[3])
    for column in ("set", "fold"):
        assert {row[column] for row in tables[0] if row["active"] == "1"} | {""} == {
            row[column] for row in tables[0]
        } | {""}


def test_a_molecule_is_active_if_it_has_an_aromatic_donor_and_is_lipophilic():
    with (DOCS / "examples" / "molecules.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["active"] and row["name"] != "M0100"]
    donor = Chem.MolFromSmarts("c[OH,NH2]")
    for row in rows:
        molecule = Chem.MolFromSmiles(row["smiles"])
        assert int(row["active"]) == (molecule.HasSubstructMatch(donor) and MolLogP(molecule) >= 2.5)
    assert (len(rows), sum(int(row["active"]) for row in rows)) == (1497, 82)
