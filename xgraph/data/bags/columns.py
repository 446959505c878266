"""Columns of a table of bags: reading the file, and converting cells to bags, labels and features."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xgraph.data.bags.roles import BAG_NAMES, UNNAMED, find_column
from xgraph.data.labels.labels import Labels, one_hot
from xgraph.data.labels.rules import MISSING
from xgraph.data.tables.dialect import header_cells
from xgraph.data.tables.frame import FrameTable
from xgraph.data.tables.read import open_as_csv
from xgraph.messages import shown

_MISSING = sorted({form for cell in MISSING for form in (cell, cell.upper(), cell.capitalize(), "NaN")})


def read_frame(
    path: Path | FrameTable,
    bag_column: str | None,
    texts: Sequence[str] = (),
    *,
    separator: str | None = None,
    encoding: str | None = None,
    needed: Callable[[Sequence[str]], Sequence[str]] | None = None,
) -> pd.DataFrame:
    """Read a table, converting numeric columns; a blank line becomes a row of missing cells.

    Of the names in the header, `needed` returns those of the columns to read, by default all.
    """
    if isinstance(path, FrameTable):
        if path.frame.empty:
            raise ValueError(f"{path} has no rows")
        return path.frame if needed is None else path.frame[list(needed(list(path.frame.columns)))]
    with open_as_csv(path, separator, encoding) as (first, delimiter, lines):
        cells = enumerate(header_cells(first, delimiter, path))
        header = [name.strip() or f"{UNNAMED}{i}" for i, name in cells]
        twice = sorted(name for name, times in Counter(header).items() if times > 1)
        if twice:
            raise ValueError(
                f"{path}: column names must be unique, but the header repeats {', '.join(map(repr, twice))}"
            )
        chosen = header if needed is None else list(needed(header))
        texts = [name for name in (bag_column or find_column(header, BAG_NAMES), *texts) if name in header]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)
                frame: pd.DataFrame = pd.read_csv(
                    lines,
                    sep=delimiter,
                    names=header,
                    index_col=False,
                    usecols=None if needed is None else chosen,
                    dtype=dict.fromkeys(texts, str),
                    keep_default_na=False,
                    na_values={name: [""] if name in texts else _MISSING for name in header},
                    skip_blank_lines=False,
                    low_memory=False,
                )
        except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
            raise ValueError(f"{path} is not a valid CSV file: {' '.join(str(error).split())}") from error
        if frame.empty:
            raise ValueError(f"{path} has a header ({', '.join(header[:20])}) but no rows")
        nothing = [name for name in chosen if name.startswith(UNNAMED) and bool(frame[name].isna().all())]
        return frame.drop(columns=nothing)


def bags_of(cells: pd.Series[Any], rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[str]]:
    """Return the number of each row's bag, and the names of the bags in order of appearance."""
    names = cells.map(lambda cell: str(cell).strip(), na_action="ignore").replace("", pd.NA)
    codes, values = pd.factorize(names)
    if (codes < 0).any():
        lost = rows[codes < 0]
        raise ValueError(f"column {cells.name!r} has no bag in {len(lost)} rows; the first is data row {lost[0]}")
    return codes.astype(np.int64), [str(name) for name in values]


def as_text(column: pd.Series[Any]) -> list[str]:
    """The cells of a column as text, "" where one is missing."""
    return ["" if missing else str(cell) for cell, missing in zip(column, column.isna(), strict=True)]


def labels_of_bags(
    labels: Labels, bag: NDArray[np.int64], names: list[str], rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the labels of the bags, ``[n, T]``, from those of the rows."""
    if labels.column is None:
        columns = [of_bags(labels.y[:, i], name, bag, names, rows) for i, name in enumerate(labels.names)]
        return np.stack(columns, axis=1)
    codes = np.where(np.isnan(labels.y[:, 0]), np.nan, labels.y.argmax(1)).astype(np.float32)
    classes = of_bags(codes, labels.column, bag, names, rows, [repr(name) for name in labels.names])
    return one_hot(np.where(np.isnan(classes), -1, classes).astype(np.int64), len(labels.names))


def of_bags(
    values: NDArray[np.float32],
    column: str,
    bag: NDArray[np.int64],
    names: list[str],
    rows: NDArray[np.int64],
    words: Sequence[str] | None = None,
    what: str = "labels",
) -> NDArray[np.float32]:
    """Return the value of each bag from those of its rows, which must agree; NaN if none of its rows has one.

    A message shows `words` in place of the values 0, 1, 2, ...
    """
    y = np.full(len(names), np.nan, dtype=np.float32)
    known = np.flatnonzero(~np.isnan(values))
    y[bag[known]] = values[known]
    wrong = known[y[bag[known]] != values[known]]
    if len(wrong):
        first = int(wrong[0])
        other = next(int(row) for row in known if bag[row] == bag[first] and values[row] != values[first])
        one, two = (f"{values[row]:.9g}" if words is None else words[int(values[row])] for row in (first, other))
        raise ValueError(
            f"{what} differ within bag {names[bag[first]]!r}: column {column!r} is {one} in data row {rows[first]} and "
            f"{two} in data row {rows[other]}"
        )
    return y


def features(
    frame: pd.DataFrame, columns: list[str], bag: NDArray[np.int64], names: list[str], rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the features of the rows, float32 [n, C]."""
    x = np.empty((len(frame), len(columns)), dtype=np.float32)
    for place, column in enumerate(columns):
        cells = frame[column]
        if cells.dtype.kind in "cmM":  # complex numbers, durations and dates, which pandas would convert to numbers
            raise ValueError(f"features must be real numbers, but column {column!r} contains {cells.dtype}")
        try:
            with np.errstate(over="ignore"):
                x[:, place] = pd.to_numeric(cells).to_numpy(dtype=np.float64, na_value=np.nan)
        except (ValueError, TypeError) as error:
            bad = int((pd.to_numeric(cells, errors="coerce").isna() & cells.notna()).to_numpy().argmax())
            raise ValueError(
                f"features must be numbers, but column {column!r} contains {shown(str(cells.iloc[bad]))} in data row "
                f"{rows[bad]} (bag {names[bag[bad]]!r}): remove the column, or list the feature columns in "
                "feature_columns (--feature-columns)"
            ) from error
    if not columns:
        raise ValueError("the table has no feature columns")
    wrong = np.argwhere(~np.isfinite(x))
    if len(wrong):
        row, place = wrong[0]
        raise ValueError(
            f"features must be finite, but column {columns[place]!r} is not in data row {rows[row]} (bag "
            f"{names[bag[row]]!r})"
        )
    return x
