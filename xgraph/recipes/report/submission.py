"""Predict unlabelled molecules in the format of a competition."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from xgraph.recipes.report.results import Row
from xgraph.recipes.report.scores import combine
from xgraph.recipes.schema.recipe import Member, Recipe
from xgraph.training.scoring.ensemble import scaled_ranks

Scores = npt.NDArray[np.float64]
Runs = list[tuple[Member, int, int | None]]
"""Runs by member, seed and part (fold, seed, or None)."""


class SubmissionFile(NamedTuple):
    """A file of predictions, and a note if some molecules could not be read."""

    path: Path
    note: str = ""


def write_submission(recipe: Recipe, out: Path, device: str, rows: Sequence[Row]) -> SubmissionFile:
    """Score the molecules of a recipe's submission with all runs of its row, and write them.

    A member or an ensemble combines its runs over all seeds and folds. A choice is the mean over the folds of the ranks
    by what was chosen in each.
    """
    import pandas as pd

    from xgraph.data import fetch, load_card
    from xgraph.data.molecules.table import read_smiles
    from xgraph.training.prediction.output.writing import write_predictions

    submission = recipe.submission
    if submission is None:
        raise ValueError("recipe: expected a [submission] table, but there is none")
    card = load_card(submission.dataset)
    file = dict(zip([one.path for one in card.files], fetch(submission.dataset), strict=True))[submission.file]
    smiles = read_smiles(file, card.smiles_column or None)
    row = next(one for one in rows if (one.name, one.dataset) == (submission.of, submission.dataset))
    runs: Runs = [
        (member, seed, part) for member in row.members for part in row.parts for seed in member.seeds_of(part)
    ]
    paths = [_path(recipe, out, *run) for run in runs]
    scores, errors = _score_runs(paths, smiles, device)
    readable = np.array([not error for error in errors])
    if not readable.any():
        raise ValueError(f"{submission.file}: no molecule can be read; the first error is: {errors[0]}")
    values = np.empty((len(smiles), len(submission.columns) - 1))
    values[readable] = _of_row(recipe, row, dict(zip(paths, [one[readable] for one in scores], strict=True)), out)
    values[~readable] = values[readable].min(axis=0)
    result = pd.DataFrame({submission.columns[0]: smiles})
    result[submission.columns[1:]] = values
    write_predictions(result, out / submission.name)
    failed = [f"row {number} ({error})" for number, error in enumerate(errors) if error]
    if not failed:
        return SubmissionFile(out / submission.name)
    note = f"Molecules that cannot be read get the lowest score in {submission.name}: {', '.join(failed)}"
    warnings.warn(note, stacklevel=2)
    return SubmissionFile(out / submission.name, note)


def _path(recipe: Recipe, out: Path, member: Member, seed: int, part: int | None) -> Path:
    path = out / recipe.run_path(member, seed)
    return path if member.folds is None else path / f"fold_{part}"


def _score_runs(paths: Sequence[Path], smiles: Sequence[str], device: str) -> tuple[list[Scores], list[str]]:
    """Return the scores of each run, and why molecules cannot be read; features are computed once for all runs."""
    from xgraph.training.prediction.members import Members
    from xgraph.training.prediction.scorer import CHUNK, MoleculeScorer, Scored

    members = Members.read(list(paths), device, False)
    chunks = (smiles[i : i + CHUNK] for i in range(0, len(smiles), CHUNK))
    scored = Scored.joined(list(MoleculeScorer(members)(chunks)), len(paths), len(members.tasks))
    return scored.members, scored.errors


def _of_row(recipe: Recipe, row: Row, scores: dict[Path, Scores], out: Path) -> Scores:
    """Combine the scores of runs as the row combines them."""

    def of(name: str, parts: Sequence[int | None]) -> Scores:
        members = recipe.members_of(name, row.dataset)
        own = [
            [scores[_path(recipe, out, member, seed, part)] for part in parts for seed in member.seeds_of(part)]
            for member in members
        ]
        return combine(own, recipe.combine_of(name))

    if recipe.choice_of(row.name) is None:
        return of(row.name, row.parts)
    combined = []
    for part in row.parts:
        weights = row.chosen(part).weights
        ranks = [scaled_ranks(of(name, [part])) * weight for name, weight in weights.items()]
        combined.append(np.sum(ranks, axis=0) / sum(weights.values()))
    mean: Scores = np.mean(combined, axis=0)
    return mean
