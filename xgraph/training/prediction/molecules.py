"""Predictions of runs for new molecules, in memory."""

from typing import TYPE_CHECKING, Any

import numpy as np

from xgraph.training.files.saved_model import load_model, loss_link
from xgraph.training.fit.bars import data_progress
from xgraph.training.prediction.ensemble import Ensemble
from xgraph.training.prediction.members import Members, check_featurizer
from xgraph.training.prediction.objects import as_molecules
from xgraph.training.prediction.scorer import CHUNK, MoleculeScorer, Scored, features_of
from xgraph.training.prediction.smiles import read_items
from xgraph.training.scoring.inference import as_scores, score

if TYPE_CHECKING:
    import pandas as pd

    from xgraph.data import MoleculeDataset


def predict_molecules(members: Members, items: Any, smiles_column: str | None, combine: str) -> "pd.DataFrame":
    """Score molecules; those that cannot be read get an error instead."""
    import pandas as pd

    ensemble = Ensemble(combine, several_classes=members.several_classes)
    found = as_molecules(items)
    if found is not None and not isinstance(found, list):
        return _of_graphs(members, found, ensemble)
    given = read_items(members, items if found is None else found, smiles_column)
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


def _of_graphs(members: Members, data: "MoleculeDataset", ensemble: Ensemble) -> "pd.DataFrame":
    """Score molecules that have graphs but no SMILES."""
    import pandas as pd

    for state in members.states:
        kinds = features_of(state)
        if kinds:
            raise ValueError(f"items: the graphs have no smiles to compute {', '.join(kinds)} from, as the run needs")
        check_featurizer(state, data.featurizer)
        ensemble.add(as_scores(score(load_model(state), data, device=members.device), loss_link(state)))
    columns: dict[str, Any] = {"graph": range(len(data))}
    if members.several_classes:
        columns["predicted"] = ensemble.best(members.tasks)
    return pd.DataFrame(columns | ensemble.columns(members.tasks, columns))


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
