"""Reading of long and wide tables, beside pandas."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.own_data import figures

ROWS, COLUMNS = 1_000_000, 10_000

LONG = f"a table of {ROWS:,} molecules with two tasks"
WIDE = f"a table of 1,000 molecules with {COLUMNS:,} descriptors"
TABLE = "from xgraph.data.molecules.table import read_table"
PIECES = "from xgraph.data.tables.read import read_batches"


def measure() -> list[dict[str, Any]]:
    """Return the time and memory of reading each table in several ways."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        long, wide = Path(name) / "long.csv", Path(name) / "wide.csv"
        write_long(long)
        write_wide(wide)
        parquet = long.with_suffix(".parquet")
        figures(f"pandas.read_csv({str(long)!r}).to_parquet({str(parquet)!r})", "import pandas")
        for what, path, form in ((LONG, long, "CSV"), (LONG, parquet, "Parquet"), (WIDE, wide, "CSV")):
            ways = {
                "read_table: SMILES and labels found": (f"read_table({str(path)!r})", TABLE),
                "read_batches: pieces as text": (f"for piece in read_batches({str(path)!r}): pass", PIECES),
            }
            if form == "CSV":
                ways["pandas.read_csv, all as text"] = (f"pandas.read_csv({str(path)!r}, dtype=str)", "import pandas")
            rows += [{"what": what, "file": form, "way": way, **figures(*code)} for way, code in ways.items()]
    return rows


def write_long(path: Path) -> None:
    """Write the long table."""
    smiles = [f"{'C' * (i % 20 + 1)}c1ccccc1{'N' * (i % 3)}" for i in range(1000)]
    with path.open("w") as file:
        file.write("id,smiles,active,toxic\n")
        file.writelines(f"{i},{smiles[i % 1000]},{i % 2},{'' if i % 3 else i % 5 // 4}\n" for i in range(ROWS))


def write_wide(path: Path) -> None:
    """Write the wide table, whose column of SMILES has no telling name."""
    random = np.random.default_rng(0)
    with path.open("w") as file:
        file.write(f"id,{','.join(f'd{i}' for i in range(COLUMNS))},drawn,active\n")
        for i in range(1000):
            cells = ",".join(f"{value:.5f}" for value in random.normal(size=COLUMNS))
            file.write(f"{i},{cells},{'C' * (i % 20 + 1)}O,{i % 2}\n")
