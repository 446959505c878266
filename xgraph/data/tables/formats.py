"""The formats of tables: which one a file has, by its content and its ending."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Literal

from xgraph.data.storage.damaged import DAMAGED_ARCHIVE
from xgraph.data.tables.frame import FrameTable

Format = Literal["text", "smi", "sdf", "parquet", "xlsx"]

PACKED = (".gz", ".zst")  # endings of compressed text
PLAIN: dict[Format, tuple[str, ...]] = {
    "text": (".csv", ".tsv", ".tab", ".txt"),
    "smi": (".smi", ".smiles"),
    "sdf": (".sdf", ".sd"),
    "parquet": (".parquet", ".pq"),
    "xlsx": (".xlsx", ".xlsm"),
}
NAMES: dict[Format, str] = {
    "text": "delimited text",
    "smi": "an SMI file",
    "sdf": "an SD file",
    "parquet": "a Parquet file",
    "xlsx": "an Excel workbook",
}
READ = "CSV, TSV, SMI and SDF files (plain, .gz or .zst), Parquet files and Excel workbooks (.xlsx)"
ENDINGS = tuple(
    ending + packed
    for form, endings in PLAIN.items()
    for ending in endings
    for packed in ("", *(PACKED if form in ("text", "smi", "sdf") else ()))
)

ZIP, PARQUET, _OLD_OFFICE = b"PK\x03\x04", b"PAR1", b"\xd0\xcf\x11\xe0"


def stem(path: Path | FrameTable) -> str:
    """Return the name of a file without the ending of a table."""
    if isinstance(path, FrameTable):
        return path.name
    ending = max((ending for ending in ENDINGS if path.name.lower().endswith(ending)), key=len, default="")
    return path.name[: len(path.name) - len(ending)] or path.name


def format_of(path: Path, separator: str | None = None) -> Format:
    """Return the format of a file; with a separator, it is text whatever its ending."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder; expected a file with a table: {READ} are read")
    with path.open("rb") as file:
        start = file.read(4)
    form = _by_ending(path)
    if start == PARQUET:
        return "parquet"
    if start == ZIP and (form == "xlsx" or _is_workbook(path)):
        return "xlsx"
    if start == _OLD_OFFICE:
        raise ValueError(f"{path} is a workbook of an old Excel (.xls) or has a password; save it as .xlsx or CSV")
    if form in ("parquet", "xlsx"):
        raise ValueError(f"{path} is not {NAMES[form]}, in spite of its ending, or it is damaged; {READ} are read")
    if start == ZIP or (form is None and path.suffix and separator is None):
        raise ValueError(
            f"{path} is not in a format that is read; {READ} are. For delimited text with another ending, give its "
            "separator (--separator)"
        )
    return form or "text"


def _by_ending(path: Path) -> Format | None:
    name = path.name.lower()
    for packed in PACKED:
        name = name.removesuffix(packed)
    return next((form for form, endings in PLAIN.items() if name.endswith(endings)), None)


def _is_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except DAMAGED_ARCHIVE:
        return False
