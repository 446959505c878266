"""Parsing of a table's molecules to graphs, cached in the data root."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from rdkit import rdBase
from torch import Tensor

from xgraph.data.molecules.featurize import Featurized, featurize
from xgraph.data.molecules.keys import graph_keys
from xgraph.data.molecules.molecule import FEATURIZER
from xgraph.data.molecules.packed import PackedGraphs
from xgraph.data.molecules.standardize import CANONICAL, AtomOrder
from xgraph.data.molecules.table import RowError, Table
from xgraph.data.storage.root import Progress
from xgraph.data.storage.root import root as root_folder
from xgraph.data.storage.store import Payload, cached, content_key
from xgraph.messages import shown

KEPT_FROM = 500  # molecules; smaller sets are not cached


class ParsedTable(NamedTuple):
    """The parsed molecules of a table."""

    graphs: PackedGraphs
    kept: NDArray[np.int64]  # entry of the table for each graph
    errors: list[RowError]  # the other rows, in order
    keys: NDArray[np.int64]  # `graph_keys` of the graphs
    texts: list[str]  # the SMILES that each graph was made from


def parse_table(
    table: Table,
    name: str,
    root: str | Path | None,
    standardize: bool,
    atom_order: AtomOrder,
    progress: Progress | None,
) -> ParsedTable:
    """Parse the molecules of a table, or load them from the cache in the data root."""
    folder = root_folder(root) if len(table.smiles) >= KEPT_FROM else None
    parsed, keys = _parsed(table.smiles, folder, standardize, atom_order, progress)
    graphs = parsed.graphs
    errors = [RowError(int(table.rows[i]), table.smiles[i], reason) for i, reason in parsed.failures]
    errors = sorted([*table.errors, *errors], key=lambda error: error.row)
    if not len(graphs):
        first = f"; row {errors[0].row}: {shown(errors[0].smiles)}: {errors[0].message}" if errors else ""
        raise ValueError(f"{name}: none of the {len(errors)} molecules can be parsed{first}")
    return ParsedTable(graphs, parsed.kept, errors, keys, parsed.texts)


def parse_smiles(
    smiles: Sequence[Any], standardize: bool, atom_order: AtomOrder, progress: Progress | None
) -> tuple[Featurized, list[str], list[RowError]]:
    """Return graphs of a user's SMILES, these SMILES, and the errors of the others."""
    if isinstance(smiles, str):
        raise TypeError("smiles must be a sequence of strings, got a single string")
    texts = [text.strip() if isinstance(text, str) else "" for text in smiles]
    done = featurize(texts, standardize=standardize, atom_order=atom_order, progress=progress)
    errors = [RowError(i, texts[i], reason if texts[i] else _blank(smiles[i])) for i, reason in done.failures]
    return done, [texts[i] for i in done.kept.tolist()], errors


def features_version(standardize: bool, atom_order: AtomOrder) -> str:
    """Return the version of the features of molecules that are read in this way."""
    return FEATURIZER + f"+{CANONICAL}" * (atom_order == "canonical") + "+standard" * standardize


def _blank(value: object) -> str:
    if isinstance(value, str) or value is None or value != value:
        return "the SMILES is empty"
    return f"expected a string, got {type(value).__name__}"


def _parsed(
    smiles: Sequence[str], root: Path | None, standardize: bool, atom_order: AtomOrder, progress: Progress | None
) -> tuple[Featurized, NDArray[np.int64]]:
    """Return graphs and their keys, from the cache or computed."""

    def build() -> Payload:
        done = featurize(smiles, standardize=standardize, atom_order=atom_order, progress=progress)
        arrays = {name: getattr(done.graphs, name) for name in PackedGraphs.__dataclass_fields__}
        arrays |= {"kept": done.kept, "keys": graph_keys(done.graphs)}
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        return {**tensors, "texts": json.dumps(done.texts), "failures": json.dumps(done.failures)}

    reading = (FEATURIZER, CANONICAL) if atom_order == "canonical" else (FEATURIZER,)
    key = content_key(smiles, *reading, "texts", standardize, rdBase.rdkitVersion)
    names = (*PackedGraphs.__dataclass_fields__, "kept", "keys", "texts", "failures")
    payload = cached(root, "graphs", key, build, names)
    arrays = {name: value.numpy() for name, value in payload.items() if isinstance(value, Tensor)}
    kept, keys = arrays.pop("kept"), arrays.pop("keys")
    failures = [(int(i), str(reason)) for i, reason in json.loads(str(payload["failures"]))]
    return Featurized(PackedGraphs(**arrays), kept, json.loads(str(payload["texts"])), failures), keys
