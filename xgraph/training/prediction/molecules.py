"""Predictions of runs for new molecules, in memory."""

from typing import TYPE_CHECKING, Any

import numpy as np

from xgraph.training.fit.bars import data_progress
from xgraph.training.prediction.ensemble import Ensemble
from xgraph.training.prediction.members import Members
from xgraph.training.prediction.scorer import CHUNK, MoleculeScorer, Scored
from xgraph.training.prediction.smiles import read_items

if TYPE_CHECKING:
    import pandas as pd


def predict_molecules(members: Members, items: Any, smiles_column: str | None, combine: str) -> "pd.DataFrame":
    """Score molecules; those that cannot be read get an error instead."""
    import pandas as pd

    ensemble = Ensemble(combine, several_classes=members.several_classes)
    given = read_items(members, items, smiles_column)
    scored = _score_texts(members, given.texts)
    readable = np.array([not error for error in scored.errors], dtype=bool)
    for scores in scored.members:
        ensemble.add(scores[readable])
    columns: dict[str, Any] = {"smiles": given.inputs}
    if members.several_classes:
        columns["predicted"] = np.full(len(readable), None, dtype=object)
        columns["predicted"][readable] = ensemble.best(members.tasks)
    taken = [*columns, "error"]
    names = [f"{name}_score" if name in taken else name for name in members.tasks]
    for name, values in ensemble.columns(names, taken).items():
        columns[name] = np.full(len(readable), np.nan)
        columns[name][readable] = values
    columns["error"] = scored.errors
    return pd.DataFrame(columns, index=given.index)


def _score_texts(members: Members, texts: list[str]) -> Scored:
    """Score a list of SMILES."""
    parts, done = [], 0
    with data_progress(members.progress) as report:
        for part in MoleculeScorer(members)(texts[i : i + CHUNK] for i in range(0, len(texts), CHUNK)):
            parts.append(part)
            done += len(part.errors)
            if report is not None:
                report(done, len(texts), "scoring")
    if not parts:
        return Scored([np.empty((0, len(members.tasks))) for _ in members.states], [])
    each = [np.concatenate(scores) for scores in zip(*(part.members for part in parts), strict=True)]
    return Scored(each, [error for part in parts for error in part.errors])
