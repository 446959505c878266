"""Tables of predictions as files, written piece by piece: CSV, TSV or Parquet, compressed if the name says so."""

import csv
import gzip
import io
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from xgraph.options import OptionError
from xgraph.training.files.writing import write_atomically

if TYPE_CHECKING:
    import pandas as pd

Cells = Sequence[Any] | npt.NDArray[np.float64]
Piece = Mapping[str, Cells]
"""Rows of a table: column name -> cells, as an array of floats with NaN for missing, or as a list with None."""

STANDARD = "-"
"""The name of standard input and output."""

_PACKED = (".gz", ".zst")
_OTHERS = (".xlsx", ".xls", ".sdf", ".smi", ".json", ".h5", ".npz", ".npy", ".pkl", ".feather", ".bz2", ".xz", ".zip")
_ROWS, _CELLS = 1 << 16, 1 << 22  # at most in a row group of Parquet


class _Binary(Protocol):
    def write(self, content: bytes, /) -> object: ...


def check_format(out: Path, option: str) -> None:
    """Raise `OptionError` if a file's name promises a format that is not written."""
    if out.suffix.lower() in _OTHERS:
        raise OptionError(
            f"{option} = {str(out)!r}: predictions are written as CSV, TSV or Parquet, by the name of the file (.csv, "
            ".tsv, .parquet; .csv.gz or .csv.zst compressed)"
        )


def write_pieces(out: Path | None, pieces: Iterable[Piece]) -> None:
    """Write a table: to a temporary file that becomes `out` at the end, or as it comes to standard output."""
    if out is None:
        _write_text(_StandardOutput(), pieces, ",")
    elif out.suffix.lower() == ".parquet":
        write_atomically(out, lambda file: _write_parquet(file, pieces))
    else:
        plain = out.name.lower()
        for ending in _PACKED:
            plain = plain.removesuffix(ending)
        separator = "\t" if plain.endswith((".tsv", ".tab")) else ","

        def write(file: IO[bytes]) -> None:
            with _packed(file, out.suffix.lower()) as packed:
                _write_text(packed, pieces, separator)

        write_atomically(out, write)


def write_predictions(frame: "pd.DataFrame", path: str | Path | None) -> None:
    """Write the result of `predict` atomically as CSV, TSV or Parquet; None is standard output."""
    write_pieces(None if path is None else Path(path), [as_piece(frame)])


def as_piece(frame: "pd.DataFrame") -> Piece:
    """Return the columns of a frame."""
    piece: dict[str, Cells] = {}
    for name, column in frame.items():
        numbers = column.dtype.kind == "f"
        piece[str(name)] = (
            column.to_numpy() if numbers else [None if value != value else value for value in _cells(column)]
        )
    return piece


def _cells(column: "pd.Series") -> list[Any]:
    cells: list[Any] = column.astype(object).where(column.notna(), None).tolist()
    return cells


@contextmanager
def _packed(file: IO[bytes], ending: str) -> Iterator[_Binary]:
    if ending == ".gz":
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
            yield packed
    elif ending == ".zst":
        import pyarrow as pa

        with pa.CompressedOutputStream(pa.PythonFile(_KeptOpen(file), mode="w"), "zstd") as packed:
            yield packed
    else:
        yield file


class _KeptOpen:
    """A file that pyarrow, which closes what it wrote to, does not close."""

    closed = False

    def __init__(self, file: IO[bytes]) -> None:
        self.write, self.flush, self.tell = file.write, file.flush, file.tell

    def close(self) -> None:
        pass


class _StandardOutput:
    """Writes UTF-8 to whatever standard output is at the moment, without delay."""

    def write(self, content: bytes) -> None:
        binary = getattr(sys.stdout, "buffer", None)
        if binary is None:
            sys.stdout.write(content.decode())
        else:
            sys.stdout.flush()
            binary.write(content)
            binary.flush()


def _write_text(file: _Binary, pieces: Iterable[Piece], separator: str) -> None:
    for number, piece in enumerate(pieces):
        text = io.StringIO()
        writer = csv.writer(text, delimiter=separator, lineterminator="\n")
        if not number:
            writer.writerow(piece)
        writer.writerows(zip(*map(_listed, piece.values()), strict=True))
        file.write(text.getvalue().encode())


def _listed(cells: Cells) -> Sequence[Any]:
    if not isinstance(cells, np.ndarray):
        return cells
    return [None if cell != cell else cell for cell in cells.tolist()]


def _write_parquet(file: IO[bytes], pieces: Iterable[Piece]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    waiting: list[Any] = []
    writer, schema, rows = None, None, 0
    for piece in chain(pieces, [None]):
        if piece is not None:
            arrays = [_arrow(cells) for cells in piece.values()]
            if schema is None:
                schema = pa.schema([(name, array.type) for name, array in zip(piece, arrays, strict=True)])
                writer = pq.ParquetWriter(file, schema)
            waiting.append(pa.Table.from_arrays(arrays, schema=schema))
            rows += len(waiting[-1])
        if writer is not None and waiting and (piece is None or rows >= min(_ROWS, _CELLS // len(waiting[0].schema))):
            writer.write_table(pa.concat_tables(waiting))
            waiting, rows = [], 0
    if writer is not None:
        writer.close()


def _arrow(cells: Cells) -> Any:
    """Return a column for Parquet: numbers where there are only numbers, else text."""
    import pyarrow as pa

    if isinstance(cells, np.ndarray):
        return pa.array(cells, type=pa.float64(), from_pandas=True)
    if (
        cells
        and all(cell is None or type(cell) in (int, bool) for cell in cells)
        and any(cell is not None for cell in cells)
    ):
        return pa.array(cells)
    return pa.array([None if cell is None else str(cell) for cell in cells], type=pa.string())
