"""A table of nodes: ids, features, labels and parts."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgraph.data.graphs.arrow import header_of, read_arrow
from xgraph.data.graphs.ids import unique_ids
from xgraph.data.graphs.roles import NodeRoles
from xgraph.data.labels.groups import Groups, read_groups
from xgraph.data.tables.dialect import TextFormat
from xgraph.messages import listed, shown

_USUAL = TextFormat()


@dataclass(frozen=True)
class NodeTable:
    """The nodes of a graph as a table has them.

    Args:
        where: Where they were read.
        roles: The roles of its columns.
        ids: Names of the nodes, an Arrow array of text.
        x: Features. Shape ``[N, features]``.
        feature_names: Names of the features.
        rows: Number of rows of the table.
        kept: Rows of the nodes; None for all.
        labels: Cells of the label columns, Arrow arrays of text.
        split: Cells of the column of parts, or None.
        left_out: Columns that are not used, with the reason.
        groups: Groups of the nodes for which error rates are compared, if there are any.
    """

    where: object
    roles: NodeRoles
    ids: Any
    x: NDArray[np.float32]
    feature_names: list[str]
    rows: int
    kept: NDArray[np.int64] | None
    labels: dict[str, Any]
    split: Any
    left_out: dict[str, str]
    groups: Groups | None = None

    def __len__(self) -> int:
        return len(self.ids)


def read_nodes(
    path: Path,
    *,
    target_columns: Sequence[str] | None = None,
    feature_columns: Sequence[str] | None = None,
    split_column: str | None = None,
    fair_column: str | None = None,
    how: TextFormat = _USUAL,
) -> NodeTable:
    """Read a table of nodes: see `docs/guides/own-graphs.md`.

    Raises:
        ValueError: If a column is missing, or a feature of a node is missing or not finite.
    """
    names = header_of(path, how)
    roles = NodeRoles.of(
        names,
        path,
        target_columns=target_columns,
        feature_columns=feature_columns,
        split_column=split_column,
        fair_column=fair_column,
    )
    return table_of(read_arrow(path, roles.columns(names), roles.text, how), roles, path)


def table_of(columns: Mapping[str, Any], roles: NodeRoles, where: object) -> NodeTable:
    """Sort columns by their roles; leave out nodes without an id or with the id of another one."""
    ids, kept = unique_ids(columns[roles.ids], where)
    numbers, left_out = _features({n: c for n, c in columns.items() if n not in roles.text}, roles, where)
    x = np.empty((len(ids), len(numbers)), dtype=np.float32)
    for i, column in enumerate(numbers.values()):
        with np.errstate(over="ignore"):
            x[:, i] = _taken(column, kept).to_numpy(zero_copy_only=False)  # an Array with nulls must be copied
    check_features(x, list(numbers), where, ids)
    labels = {name: _taken(columns[name], kept) for name in roles.targets}
    split = None if roles.split is None else _taken(columns[roles.split], kept)
    rows, groups = len(columns[roles.ids]), None
    if roles.groups is not None:
        groups = read_groups({roles.groups: _taken(columns[roles.groups], kept).to_pylist()}, roles.groups, where)
    return NodeTable(where, roles, ids, x, list(numbers), rows, kept, labels, split, left_out, groups)


def _taken(column: Any, kept: NDArray[np.int64] | None) -> Any:
    return column if kept is None else column.take(kept)


def _features(columns: Mapping[str, Any], roles: NodeRoles, where: object) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the columns of numbers, and those that are left out with the reason."""
    import pyarrow as pa

    numbers = {name: column for name, column in columns.items() if pa.types.is_floating(column.type)}
    left_out = {name: "text, which is no feature" for name in columns if name not in numbers}
    if roles.features is not None:
        if left_out:
            raise ValueError(f"feature_columns: {where} has text in {listed(left_out)}; features are numbers")
        return {name: numbers[name] for name in roles.features}, {}
    for name in [name for name, column in numbers.items() if column.null_count == len(column)]:
        left_out[name] = "empty in all rows"
        del numbers[name]
    return numbers, left_out


def check_features(x: NDArray[Any], names: Sequence[str], where: object, ids: Any = None) -> None:
    """Raise an error about features that are missing or not finite; it counts the nodes."""
    wrong = ~np.isfinite(x)
    rows = wrong.any(axis=1)
    if not rows.any():
        return
    row = int(rows.argmax())
    column = int(wrong[row].argmax())
    node = shown(ids[row].as_py()) if ids is not None else str(row)
    of = f"column {names[column]!r}" if names else f"feature {column}"
    what = "missing" if np.isnan(x[row, column]) else "not finite or too large for float32"
    raise ValueError(
        f"{where}: {int(rows.sum())} of {len(x)} nodes have features that are missing or not finite; the first is node "
        f"{node}, whose {of} is {what}. Fill them in, or leave such columns out with feature_columns "
        "(--feature-columns)"
    )


def warn_dangling(unknown: NDArray[np.bool_], source: Any, target: Any, where: object) -> None:
    """Warn of edges to nodes that do not exist."""
    if unknown.any():
        row = int(unknown.argmax())
        first = f"{shown(source[row].as_py())} to {shown(target[row].as_py())}"
        warnings.warn(
            f"{where}: left out {int(unknown.sum())} of {len(unknown)} edges with an end that is no node; the first is "
            f"edge {row}, from {first}",
            stacklevel=2,
        )
