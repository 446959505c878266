"""The molecules to score: a list or series of SMILES, a data frame, or a CSV file."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xgraph.messages import shown
from xgraph.training.files.checkpoint import HEADER
from xgraph.training.prediction.members import Members, checked_path

if TYPE_CHECKING:
    import pandas as pd

EXPECTED = "expected a list or pandas Series of SMILES, a DataFrame with a column of them, or the path of a CSV file"


@dataclass(frozen=True)
class Smiles:
    """SMILES to score."""

    inputs: list[Any]  # as given
    texts: list[str]  # the same as strings; empty where one is missing
    index: "pd.Index | None" = None  # of a data frame or series
    errors: Mapping[int, str] = field(default_factory=dict)  # rows of a file that cannot be read; their text is empty


def read_items(
    members: Members,
    items: Any,
    column: str | None,
    *,
    separator: str | None = None,
    encoding: str | None = None,
) -> Smiles:
    """Read what `predict` was given; without `column`, the column that the runs were trained on comes first."""
    import pandas as pd

    from xgraph.data.tables.read import read_columns

    if isinstance(items, str | Path):
        path = checked_path(items, "items", "SMILES strings")
        columns = read_columns(path, separator=separator, encoding=encoding, keep_errors=True, allow_empty=True)
        cells = [cell.strip() for cell in columns[choose_column(members, columns, column, path)]]
        texts = ["" if row in columns.errors else cell for row, cell in enumerate(cells)]
        return Smiles(cells, texts, None, columns.errors)
    if isinstance(items, pd.DataFrame):
        return _from_frame(members, items, column)
    if column is not None:
        raise ValueError(f"smiles_column = {column!r}: the items have no columns; pass a DataFrame or a CSV file")
    if isinstance(items, bytes | Mapping | AbstractSet) or not isinstance(items, Iterable):
        raise TypeError(f"items: {EXPECTED}; got {shown(items)} ({type(items).__name__})")
    inputs = list(items)
    return Smiles(inputs, _texts(inputs), items.index if isinstance(items, pd.Series) else None)


def _from_frame(members: Members, frame: "pd.DataFrame", column: str | None) -> Smiles:
    names = [str(name) for name in frame.columns]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"items: the data frame has the column {repeated[0]!r} twice")
    if not len(frame.columns):
        raise ValueError("items: the data frame has no columns; expected one with SMILES")
    cells = {name: list(frame.iloc[:, i]) for i, name in enumerate(names)}
    as_text = {name: ["" if _missing(cell) else str(cell) for cell in values] for name, values in cells.items()}
    inputs = cells[choose_column(members, as_text, column, "the data frame")]
    return Smiles(inputs, _texts(inputs), frame.index)


def own_columns(members: Members) -> list[str | None]:
    """Return the different SMILES columns that the runs were trained on; None if one did not read a user's table."""
    headers = [state[HEADER] for state in members.states]
    return list(
        dict.fromkeys(header.get("smiles_column") or header["config"].get("smiles_column") for header in headers)
    )


def choose_column(members: Members, columns: Mapping[str, list[str]], requested: str | None, where: str | Path) -> str:
    """Return the name of the SMILES column: the requested one, else the runs' own, else the one that is found."""
    from xgraph.data.molecules.smiles_column import find_smiles

    columns = dict(columns)
    own = own_columns(members)
    if requested is not None:
        return find_smiles(columns, requested, where)
    choices = [name for name in own if name in columns]
    if None in own or not choices:
        choices.append(find_smiles(columns, None, where))
    if len(set(choices)) > 1:
        listed = ", ".join("a column found by its content" if name is None else repr(name) for name in own)
        raise ValueError(f"smiles_column: the runs were trained on different columns ({listed}); name the one to read")
    if any(own) and choices[0] not in own:
        _warn_of_other_column(where, next(name for name in own if name), choices[0])
    return choices[0]


def _warn_of_other_column(where: str | Path, trained: str, column: str) -> None:
    """Warn that SMILES come from another column than that of the training table."""
    text = f"{where} has no column {trained!r}, from which the run was trained; reading SMILES from {column!r}"
    warnings.warn(text, stacklevel=3)


def _texts(inputs: Sequence[Any]) -> list[str]:
    texts = ["" if _missing(text) else text for text in inputs]
    wrong = [text for text in texts if not isinstance(text, str)]
    if wrong:
        raise TypeError(f"items: expected SMILES strings, got {shown(wrong[0])} ({type(wrong[0]).__name__})")
    return texts


def _missing(value: object) -> bool:
    """Whether a value is None, NaN or pandas' NA."""
    import pandas as pd

    return not isinstance(value, str) and pd.api.types.is_scalar(value) and bool(pd.isna(value))
