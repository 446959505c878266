"""The tables of bags in the documentation come from the script beside them, and follow the rule that it states."""

import csv
import runpy

from tests.docs.blocks import DOCS

SCRIPT = DOCS / "examples" / "make_bags.py"


def test_the_script_writes_the_tables(tmp_path):
    runpy.run_path(str(SCRIPT))["main"](tmp_path)
    for name in ("bags.csv", "new-bags.csv"):
        assert (tmp_path / name).read_bytes() == (DOCS / "examples" / name).read_bytes()


def test_a_tray_is_faulty_if_it_holds_a_part_that_is_too_wide_and_too_high():
    with (DOCS / "examples" / "bags.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    label = {row["tray"]: int(row["faulty"]) for row in rows}
    too_large = {row["tray"] for row in rows if float(row["width"]) > 1.1 and float(row["height"]) > 1.1}
    assert {tray for tray, faulty in label.items() if faulty} == too_large
    assert (len(label), len(too_large)) == (160, 47)
