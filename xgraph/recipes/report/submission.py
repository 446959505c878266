"""Predict unlabelled molecules in the format of a competition."""

import warnings
from pathlib import Path
from typing import NamedTuple

from xgraph.recipes.schema.recipe import Recipe


class SubmissionFile(NamedTuple):
    """A file of predictions, and a note if some molecules could not be read."""

    path: Path
    note: str = ""


def write_submission(recipe: Recipe, out: Path, device: str) -> SubmissionFile:
    """Score the molecules of a recipe's submission with all runs of its member or ensemble, and write them."""
    from xgraph.data import fetch, load_card
    from xgraph.data.molecules.table import read_smiles
    from xgraph.training.prediction.predict import predict, write_predictions

    submission = recipe.submission
    if submission is None:
        raise ValueError("recipe: expected a [submission] table, but there is none")
    card = load_card(submission.dataset)
    file = dict(zip([one.path for one in card.files], fetch(submission.dataset), strict=True))[submission.file]
    smiles = read_smiles(file, card.smiles_column or None)
    tasks = len(submission.columns) - 1
    scores = []
    for member in recipe.members_of(submission.of, submission.dataset):
        runs = [out / recipe.run_path(member, seed) for seed in member.seeds]
        frame = predict(runs, smiles, combine=recipe.combine_of(submission.of), device=device)
        scores.append(frame.iloc[:, 1 : 1 + tasks].to_numpy())
    result = frame[["smiles"]].set_axis(submission.columns[:1], axis=1)
    result[submission.columns[1:]] = sum(scores) / len(scores)
    scored = result[submission.columns[1:]]
    if not scored.notna().any().all():
        raise ValueError(f"{submission.file}: no molecule can be read; the first error is: {frame['error'][0]}")
    result = result.fillna(scored.min())
    write_predictions(result, out / submission.name)
    failed = [f"row {row} ({error})" for row, error in frame["error"].items() if error]
    if not failed:
        return SubmissionFile(out / submission.name)
    note = f"Molecules that cannot be read get the lowest score in {submission.name}: {', '.join(failed)}"
    warnings.warn(note, stacklevel=2)
    return SubmissionFile(out / submission.name, note)
