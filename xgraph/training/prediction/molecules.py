"""Predictions of runs for new molecules."""

from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from xgraph.training.files.checkpoint import HEADER, check_feature_names
from xgraph.training.files.saved_model import load_model
from xgraph.training.fit.bars import data_progress
from xgraph.training.prediction.ensemble import Ensemble
from xgraph.training.prediction.members import Members, check_featurizer, empty_smiles
from xgraph.training.prediction.smiles import read_items
from xgraph.training.scoring.inference import probability, score

if TYPE_CHECKING:
    import pandas as pd


def predict_molecules(members: Members, items: Any, smiles_column: str | None, ensemble: Ensemble) -> "pd.DataFrame":
    """Score molecules; those that cannot be read get an error instead."""
    import pandas as pd

    given = read_items(members, items, smiles_column)
    texts = given.texts
    tasks = members.tasks
    scores = np.zeros((len(members.states), len(texts), len(tasks)))
    errors = empty_smiles(texts)
    for standardize in sorted({bool(state[HEADER]["standardize"]) for state in members.states}):
        group = [m for m, state in enumerate(members.states) if state[HEADER]["standardize"] == standardize]
        alike = members._replace(states=[members.states[m] for m in group])
        _score_rows(texts, alike, [scores[m] for m in group], standardize, errors)
    readable = np.array([not error for error in errors], dtype=bool)
    for one in scores:
        ensemble.add(one[readable])
    frame = pd.DataFrame({"smiles": given.inputs})
    taken = ("smiles", "error")
    names = [f"{name}_score" if name in taken else name for name in tasks]
    for name, values in ensemble.columns(names, taken).items():
        frame[name] = np.nan
        frame.loc[readable, name] = values
    frame["error"] = errors
    return frame if given.index is None else frame.set_axis(given.index)


def _score_rows(
    texts: list[str],
    members: Members,
    scores: list[npt.NDArray[np.float64]],
    standardize: bool,
    errors: list[str],
) -> None:
    """Fill `scores` with those of runs that read molecules in the same way, and `errors` for unreadable molecules."""
    from xgraph.data import MoleculeDataset

    filled = [i for i, text in enumerate(texts) if text.strip()]
    if not filled:
        return
    kinds = [_features_of(state) for state in members.states]
    with data_progress(members.progress) as report:
        data = MoleculeDataset.from_smiles([texts[i] for i in filled], standardize=standardize, progress=report)
        for error in data.errors:
            errors[filled[error.row]] = error.message
        rows = np.array(filled)[data.row.numpy()]
        if not len(rows):
            return
        every = data.with_features(list(dict.fromkeys(chain(*kinds))), keep=False, progress=report)
        for state, own, of_run in zip(members.states, kinds, scores, strict=True):
            data = every.with_features(own)
            check_featurizer(state, data.featurizer)
            of_run[rows] = probability(score(load_model(state), data, device=members.device, progress=report))


def _features_of(state: dict[str, Any]) -> list[str]:
    """Return the kinds of extra features that a run uses, after checking that this version computes the same ones."""
    kinds: list[str] = state[HEADER]["config"].get("features") or []
    names: list[str] = []
    if kinds:
        from xgraph.data import descriptor_names

        try:
            names = descriptor_names(kinds)
        except (TypeError, ValueError) as error:
            version = state[HEADER]["version"]
            raise ValueError(
                f"run: trained by xgraph {version} with features that are not available: {error}"
            ) from None
    check_feature_names(state[HEADER], names, f"a run on {state[HEADER]['dataset']!r}")
    return kinds
