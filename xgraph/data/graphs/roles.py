"""Which column of a table of nodes or edges has which role."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xgraph.messages import listed

IDS = ("id", "node", "node_id", "nodeid", "name")
LABELS = ("label", "y", "target", "class", "labels")
SPLITS = ("split",)
SOURCES = ("source", "src", "from", "u", "source_id", "node1", "id_1", "start")
TARGETS = ("target", "dst", "to", "v", "target_id", "node2", "id_2", "end")
WEIGHTS = ("weight", "edge_weight", "w")
TYPES = ("type", "relation", "edge_type")


@dataclass(frozen=True)
class NodeRoles:
    """The roles of the columns of a table of nodes.

    Args:
        ids: Column of the nodes' names.
        targets: Columns with labels; empty if there are none.
        split: Column that says which part a node is in, or None.
        features: Columns that are named as features; None for all others that hold numbers.
        groups: Column of the groups for which error rates are compared, or None.
    """

    ids: str
    targets: list[str]
    split: str | None
    features: list[str] | None
    groups: str | None = None

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        path: Path,
        *,
        target_columns: Sequence[str] | None = None,
        feature_columns: Sequence[str] | None = None,
        split_column: str | None = None,
        fair_column: str | None = None,
    ) -> NodeRoles:
        """Assign the columns of a header.

        Raises:
            ValueError: If a named column does not exist, or a column has two roles.
        """
        named = {"target_columns": target_columns, "feature_columns": feature_columns}
        named["split_column"] = None if split_column is None else [split_column]
        named["fair_column"] = None if fair_column is None else [fair_column]
        for option, chosen in named.items():
            unknown = [name for name in chosen or () if name not in names]
            if unknown:
                raise ValueError(f"{option}: {path} has no column {listed(unknown)}; its columns are {listed(names)}")
        ids = _first(names, IDS) or names[0]
        targets = [name for name in [_first(names, LABELS)] if name] if target_columns is None else list(target_columns)
        split = split_column or _first(names, SPLITS)
        taken = {ids: "the ids", **({split: "the split"} if split else {}), **dict.fromkeys(targets, "the labels")}
        if fair_column is not None and fair_column in taken:
            raise ValueError(f"{path}: column {fair_column!r} holds {taken[fair_column]} and cannot be fair_column too")
        taken |= {} if fair_column is None else {fair_column: "the groups of fair_column"}
        for name in [*(target_columns or ()), *(feature_columns or ())]:
            if name in (ids, split, fair_column) or (name in targets and name in (feature_columns or ())):
                raise ValueError(f"{path}: column {name!r} holds {taken[name]} and cannot have another role as well")
        return cls(ids, targets, split, None if feature_columns is None else list(feature_columns), fair_column)

    @property
    def text(self) -> set[str]:
        """The columns that are read as text."""
        return {self.ids, *self.targets, *([self.split] if self.split else []), *([self.groups] if self.groups else [])}

    def columns(self, names: Sequence[str]) -> list[str]:
        """Return the columns that are read."""
        return [name for name in names if name in self.text or self.features is None or name in self.features]


def edge_ends(names: Sequence[str], path: Path) -> tuple[str, str]:
    """Return the columns of sources and targets of a table of edges: by their names, else the first two."""
    if len(names) < 2:
        raise ValueError(
            f"{path} must have two columns with the ends of each edge, source and target, got {listed(names)}"
        )
    source, target = _first(names, SOURCES), _first(names, TARGETS)
    if source is None and target is None:
        return names[0], names[1]
    if source is None or target is None:
        lacks = "source" if source is None else "target"
        raise ValueError(f"{path} has no column {lacks!r}; its columns are {listed(names)}")
    return source, target


def named_like(names: Sequence[str], known: Sequence[str]) -> str | None:
    """Return the first column with one of some names, in any case; None if there is none."""
    return _first(names, known)


def _first(names: Sequence[str], known: Sequence[str]) -> str | None:
    plain = {name.strip().lower().replace(" ", "_"): name for name in reversed(names)}
    return next((plain[word] for word in known if word in plain), None)
