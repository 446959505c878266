"""Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xgraph.data.tables.columns import Columns, column_names, columns_of, rows_per_piece


def parquet_pieces(path: Path, rows: int) -> Iterator[Columns]:
    """Yield the pieces of a file; numbers, truth values and dates become text, missing values and NaN empty cells."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names = column_names(file.schema_arrow.names, path)
            pieces = file.iter_batches(batch_size=rows_per_piece(rows, len(names)))
            before = 0
            for piece in pieces:
                yield Columns({name: _cells(column) for name, column in zip(names, piece.columns, strict=True)})
                before += piece.num_rows
            if not before:
                yield columns_of(names, [])
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise ValueError(f"{path} is a damaged or truncated Parquet file: {error}") from error


def _cells(column: Any) -> list[str]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
    try:
        text = pc.fill_null(pc.cast(column, pa.string()), "")
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):  # lists, structures, bytes
        return ["" if cell is None else str(cell) for cell in column.to_pylist()]
    cells: list[str] = text.to_pylist()
    return cells
