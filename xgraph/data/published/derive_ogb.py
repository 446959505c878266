"""Tables and index files of the Open Graph Benchmark's molecules, derived from MoleculeNet's tables."""

from __future__ import annotations

import csv
import gzip
import io
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MTIME = 1576547380  # 2019-12-17, the time stamp of the index files in OGB's release of molhiv


def ogb_table(source: bytes, path: str) -> bytes:
    """Return a table without the rows that OGB leaves out, those with a dummy atom (``*``)."""
    header, rows, place = _read(source)
    kept = [row for row in rows if "*" not in row[place]]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, *kept])
    return out.getvalue().encode()


def ogb_scaffold(source: bytes, path: str) -> bytes:
    """Return an index file of OGB's scaffold split, with the content of the one in the OGB release."""
    name = PurePosixPath(path).name.removesuffix(".gz")
    rows = _rows(source)[name.removesuffix(".csv")]
    return _gzip("".join(f"{row}\n" for row in rows).encode(), name)


@lru_cache(maxsize=1)
def _rows(source: bytes) -> dict[str, NDArray[np.int64]]:
    """Return the rows of each part; OGB's numbers do not count rows with a dummy atom."""
    import numpy as np

    from xgraph.data.molecules.splits import fill_parts, scaffold_groups

    _, table, place = _read(source)
    smiles = [row[place] for row in table if "*" not in row[place]]
    group = _with_rejected(smiles, scaffold_groups(smiles))
    order = np.argsort(group, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
    parts = fill_parts([rows.tolist() for rows in members], 0.8 * len(smiles), (0.8 + 0.1) * len(smiles))
    return {part: np.sort(np.array(rows, dtype=np.int64)) for part, rows in parts.items()}


def _with_rejected(smiles: list[str], group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Put molecules that RDKit rejects today into the groups of the scaffolds that they had for OGB.

    Their atoms have valences that the RDKit of 2019 accepted. Those whose scaffold has no valid valences either stay
    alone, as they did.
    """
    import numpy as np
    from rdkit import Chem
    from rdkit.rdBase import BlockLogs

    counts = np.bincount(group)
    alone = np.flatnonzero(counts[group] == 1).tolist()
    with BlockLogs():
        rejected = [row for row in alone if Chem.MolFromSmiles(smiles[row]) is None]
        scaffolds = {row: text for row in rejected if (text := _lenient_scaffold(smiles[row])) is not None}
        if not scaffolds:
            return group
        group = group.copy()
        known: dict[str, int] = {}
        for row in np.unique(group, return_index=True)[1].tolist():
            if row not in rejected and (text := _lenient_scaffold(smiles[row])) is not None:
                known[text] = int(group[row])
        for row, text in scaffolds.items():
            group[row] = known.setdefault(text, int(group[row]))
    return group


def _lenient_scaffold(smiles: str) -> str | None:
    """The scaffold of a molecule whose valences are not checked; None if there is none."""
    from rdkit import Chem
    from rdkit.Chem.Scaffolds.MurckoScaffold import MurckoScaffoldSmiles

    try:
        molecule = Chem.MolFromSmiles(smiles, sanitize=False)
        molecule.UpdatePropertyCache(strict=False)
        Chem.SanitizeMol(molecule, Chem.SANITIZE_ALL ^ Chem.SANITIZE_PROPERTIES)
        text: str = MurckoScaffoldSmiles(mol=molecule, includeChirality=True)
    except Exception:  # RDKit raises its own types
        return None
    return text


def _read(source: bytes) -> tuple[list[str], list[list[str]], int]:
    """The header and rows of a table, perhaps gzipped, and the position of its SMILES, called mol in that of BACE."""
    text = (gzip.decompress(source) if source.startswith(b"\x1f\x8b") else source).decode("utf-8-sig")
    header, *rows = list(csv.reader(io.StringIO(text, newline="")))
    return header, rows, header.index("smiles") if "smiles" in header else header.index("mol")


def _gzip(data: bytes, name: str) -> bytes:
    out = io.BytesIO()
    with gzip.GzipFile(filename=name, mode="wb", compresslevel=9, fileobj=out, mtime=_MTIME) as file:
        file.write(data)
        file.flush()  # as in OGB's release
    return out.getvalue()
