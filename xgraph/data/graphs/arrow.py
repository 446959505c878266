"""Tables of many rows as Arrow columns: text where it is asked for, and numbers where a column holds nothing else."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xgraph.data.labels.rules import MISSING
from xgraph.data.tables.columns import column_names
from xgraph.data.tables.dialect import (
    Dialect,
    TextFormat,
    check_encoding,
    check_separator,
    encoding_of,
    header_cells,
    recognise,
)
from xgraph.data.tables.formats import format_of
from xgraph.data.tables.packed import not_text, open_binary, open_text
from xgraph.data.tables.read import read_columns
from xgraph.messages import shown

_USUAL = TextFormat()
_NULLS = sorted({form for word in MISSING for form in (word, word.upper(), word.capitalize())} | {"NaN"})


def header_of(path: Path, how: TextFormat = _USUAL) -> list[str]:
    """Return the names of a table's columns; only its beginning is read, if its format allows."""
    form = format_of(path, how.separator)
    if form == "text":
        return _named(path, _dialect(path, how))
    if form == "parquet":
        import pyarrow.parquet as pq

        with _reading(path):
            return column_names(pq.read_schema(path).names, path)
    return list(read_columns(path, separator=how.separator, encoding=how.encoding, allow_empty=True))


def read_arrow(
    path: Path,
    only: Sequence[str] | None = None,
    text: Collection[str] | None = None,
    how: TextFormat = _USUAL,
) -> dict[str, Any]:
    """Return columns of a table as Arrow arrays.

    Args:
        path: A table in any format that `xgraph.data.tables` reads.
        only: The columns to read; by default all.
        text: The columns to read as text, with "" for an empty cell. The others are float64 with nulls if all their
            cells are numbers, else text. By default all are text.
        how: How a text file is written.

    Raises:
        ValueError: If the file cannot be read.
    """
    import pyarrow as pa

    form = format_of(path, how.separator)
    names = header_of(path, how)
    chosen = names if only is None else list(only)
    as_text = set(chosen) if text is None else set(text) & set(chosen)
    with _reading(path):
        if form == "text":
            table = _read_csv(path, chosen, as_text, how)
        elif form == "parquet":
            import pyarrow.parquet as pq

            table = pq.read_table(path, columns=chosen)
        else:
            columns = read_columns(path, separator=how.separator, encoding=how.encoding, allow_empty=True)
            table = pa.table(dict(columns)).select(chosen)
    return {name: _text(table[name]) if name in as_text else as_number(table[name]) for name in chosen}


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn errors of Arrow into a ValueError that names the file."""
    import pyarrow as pa

    try:
        with _noticed(UnicodeDecodeError) as noticed:  # of a row with too many cells, which Arrow hands to Python
            yield
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise (not_text(path) if noticed else ValueError(f"{path} cannot be read: {error}")) from error


@contextmanager
def _noticed(kind: type[Exception]) -> Iterator[list[BaseException]]:
    """Collect errors that are raised where nothing can catch them, instead of showing their tracebacks."""
    before, noticed = sys.unraisablehook, list[BaseException]()

    def hook(args: Any) -> None:
        if isinstance(args.exc_value, kind):
            noticed.append(args.exc_value)
        else:
            before(args)

    sys.unraisablehook = hook
    try:
        yield noticed
    finally:
        sys.unraisablehook = before


def _read_csv(path: Path, names: list[str], text: set[str], how: TextFormat) -> Any:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    dialect, encoding = _dialect(path, how), check_encoding(how.encoding)
    if encoding is None:
        with open_binary(path) as start:
            encoding = encoding_of(start.read(2))
    encoding = "utf8" if encoding == "utf-8-sig" else encoding
    refused: list[str] = []

    def skip(row: Any) -> str:
        refused.append(row.text or "")
        return "skip"

    def options(types: dict[str, Any]) -> dict[str, Any]:
        return {
            "read_options": arrow_csv.ReadOptions(
                column_names=_named(path, dialect), skip_rows=dialect.above + 1, encoding=encoding, block_size=1 << 22
            ),
            "parse_options": arrow_csv.ParseOptions(
                delimiter=dialect.separator, newlines_in_values=text != set(names), invalid_row_handler=skip
            ),
            "convert_options": arrow_csv.ConvertOptions(
                column_types=types, include_columns=names, null_values=_NULLS, strings_can_be_null=False
            ),
        }

    every_text = dict.fromkeys(names, pa.string())
    types = every_text
    if text != set(names):
        with open_binary(path) as file, arrow_csv.open_csv(file, **options(dict.fromkeys(text, pa.string()))) as begin:
            types = {field.name: _kept(field.type) for field in begin.schema}
        refused.clear()
    try:
        with open_binary(path) as file:
            table = arrow_csv.read_csv(file, **options(types))
    except pa.ArrowInvalid:  # a later row is no number; what else is wrong is raised again
        if types == every_text:
            raise
        refused.clear()
        with open_binary(path) as file:
            table = arrow_csv.read_csv(file, **options(every_text))
    if refused:
        warnings.warn(
            f"{path}: left out {len(refused)} row(s) that have more or fewer cells than the header; the first is "
            f"{shown(refused[0])}",
            stacklevel=2,
        )
    return table


def _kept(kind: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_boolean(kind):
        return kind
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)
    return pa.float64() if is_number else pa.string()


def _text(column: Any) -> Any:
    """Return a column as text without white space around it, and "" for a missing cell."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
        whole = pc.all(pc.equal(column, pc.round(column))).as_py()
        column = pc.cast(column, pa.int64()) if whole is not False and _fits(column) else column
    column = pc.cast(column, pa.string())
    return pc.fill_null(pc.utf8_trim_whitespace(column), "")


def _fits(column: Any) -> bool:
    import pyarrow.compute as pc

    largest = pc.max(pc.abs(column)).as_py()
    return largest is None or largest < 2**53


def as_number(column: Any) -> Any:
    """Return a column as float64 if its cells are numbers, else as text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_boolean(kind):
        return pc.cast(pc.cast(column, pa.uint8()), pa.float64())
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind):
        column = pc.cast(column, pa.float64(), safe=False)
        return pc.if_else(pc.is_nan(column), None, column)
    text = _text(column)
    lower = pc.utf8_lower(text)
    blank = pc.is_in(lower, value_set=pa.array(sorted(MISSING)))
    if (
        pc.all(pc.or_(blank, pc.is_in(lower, value_set=pa.array(["true", "false"])))).as_py()
        and not pc.all(blank).as_py()
    ):
        return pc.if_else(blank, None, pc.cast(pc.equal(lower, "true"), pa.float64()))
    try:
        return pc.cast(pc.if_else(blank, None, text), pa.float64())
    except pa.ArrowInvalid:
        return text


def _dialect(path: Path, how: TextFormat) -> Dialect:
    with open_text(path, how.encoding) as lines:
        dialect = recognise(lines, check_separator(how.separator))
    if dialect is None:
        raise ValueError(f"{path} is empty; expected a header line and at least one row")
    if "\0" in dialect.header:
        raise ValueError(f"{path} is not a text file")
    return dialect


def _named(path: Path, dialect: Dialect) -> list[str]:
    return column_names(header_cells(dialect.header, dialect.separator, path), path)
