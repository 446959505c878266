"""Predictions of runs for new molecules, in memory."""

from typing import TYPE_CHECKING, Any

from xgraph.training.files.saved_model import load_model, loss_link
from xgraph.training.fit.bars import data_progress
from xgraph.training.prediction.members import Members, check_featurizer
from xgraph.training.prediction.objects import as_molecules
from xgraph.training.prediction.output.names import short_names
from xgraph.training.prediction.scorer import CHUNK, MoleculeScorer, Scored, features_of
from xgraph.training.prediction.smiles import read_items
from xgraph.training.scoring.ensemble import Ensemble
from xgraph.training.scoring.inference import as_scores, score

if TYPE_CHECKING:
    import pandas as pd

    from xgraph.data import MoleculeDataset


def predict_molecules(
    members: Members,
    items: Any,
    smiles_column: str | None,
    combine: str,
    *,
    separator: str | None = None,
    encoding: str | None = None,
) -> "pd.DataFrame":
    """Score molecules; those that cannot be read get an error instead."""
    import pandas as pd

    ensemble = Ensemble(combine, **members.kinds)
    found = as_molecules(items)
    if found is not None and not isinstance(found, list):
        return _of_graphs(members, found, ensemble)
    given = read_items(
        members, items if found is None else found, smiles_column, separator=separator, encoding=encoding
    )
    scored = _score_texts(members, given.texts)
    score, std = scored.combined(ensemble)
    errors = [given.errors.get(row, error) for row, error in enumerate(scored.errors)]
    kinds = {"spread": std is not None, "predicted": members.several_classes}
    names = short_names(members.tasks, "smiles", **kinds, more=members.uncertainty)
    columns = {"smiles": given.inputs, **names.columns(members.tasks, score, std, errors)}
    return pd.DataFrame(columns, index=given.index)


def _of_graphs(members: Members, data: "MoleculeDataset", ensemble: Ensemble) -> "pd.DataFrame":
    """Score molecules that have graphs but no SMILES."""
    import pandas as pd

    for state in members.states:
        kinds = features_of(state)
        if kinds:
            raise ValueError(f"items: the graphs have no smiles to compute {', '.join(kinds)} from, as the run needs")
        check_featurizer(state, data.featurizer, any_order=True)
        ensemble.add(as_scores(score(load_model(state), data, device=members.device), loss_link(state)))
    usual = {"spread": len(members.states) > 1, "predicted": members.several_classes, "error": False}
    names = short_names(members.tasks, "graph", **usual, more=members.uncertainty)
    scores = names.columns(members.tasks, ensemble.score, ensemble.std, None)
    return pd.DataFrame({"graph": range(len(data)), **scores})


def _score_texts(members: Members, texts: list[str]) -> Scored:
    """Score a list of SMILES."""
    parts, done = [], 0
    with data_progress(members.progress) as report:
        for part in MoleculeScorer(members)(texts[i : i + CHUNK] for i in range(0, len(texts), CHUNK)):
            parts.append(part)
            done += len(part.errors)
            if report is not None:
                report(done, len(texts), "scoring")
    return Scored.joined(parts, len(members.states), len(members.tasks))
