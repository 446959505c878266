"""Predictions for molecules without labels, in the format of a competition."""

import warnings
from pathlib import Path
from typing import NamedTuple

from xgraph.recipes.recipe import Recipe


class Written(NamedTuple):
    """A file of predictions.

    Args:
        path: The file.
        note: What there is to say of it; empty if nothing.
    """

    path: Path
    note: str = ""


def write_submission(recipe: Recipe, out: Path, device: str) -> Written:
    """Score the molecules of a recipe's submission with all runs of its member or ensemble, and write them."""
    from xgraph.data import fetch, load_card
    from xgraph.data.molecules.table import read_smiles
    from xgraph.training.prediction.predict import predict, write_predictions

    wanted = recipe.submission
    if wanted is None:
        raise ValueError("recipe: it has no [submission]")
    card = load_card(wanted.dataset)
    file = dict(zip([one.path for one in card.files], fetch(wanted.dataset), strict=True))[wanted.file]
    smiles = read_smiles(file, card.smiles_column or None)
    tasks = len(wanted.columns) - 1
    scores = []
    for member in recipe.members_of(wanted.of, wanted.dataset):
        runs = [out / recipe.run_path(member, seed) for seed in member.seeds]
        frame = predict(runs, smiles, combine=recipe.combine_of(wanted.of), device=device)
        scores.append(frame.iloc[:, 1 : 1 + tasks].to_numpy())
    result = frame[["smiles"]].set_axis(wanted.columns[:1], axis=1)
    result[wanted.columns[1:]] = sum(scores) / len(scores)
    scored = result[wanted.columns[1:]]
    if not scored.notna().any().all():
        raise ValueError(f"{wanted.file}: no molecule can be read; of the first: {frame['error'][0]}")
    result = result.fillna(scored.min())
    write_predictions(result, out / wanted.name)
    failed = [f"row {row} ({error})" for row, error in frame["error"].items() if error]
    if not failed:
        return Written(out / wanted.name)
    note = f"{wanted.name} gives the lowest score to molecules that cannot be read: {', '.join(failed)}"
    warnings.warn(note, stacklevel=2)
    return Written(out / wanted.name, note)
