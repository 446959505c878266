"""Score a member on inner folds of its training and validation items, for choices that must not see the test part."""

import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xgraph.options import OptionError
from xgraph.recipes.schema.recipe import Member
from xgraph.training.files.rundir import PREDICTIONS
from xgraph.training.fit.train import train

NOT_INNER = {"train_on": "train"}
"""Settings of inner runs: they are trained on the other inner folds, and validated on one."""


def inner_file(run: Path, folds: int) -> Path:
    """Return the file with the scores of a run's inner folds."""
    return run / f"inner_{folds}.csv"


def score_inner(member: Member, path: Path, folds: int, settings: Mapping[str, Any]) -> None:
    """Train a member on all inner folds but one, for each of them and for each fold, and write the scores.

    Only the scores are kept. An inner fold on which the member cannot be trained, for example because no active item is
    left, is left out with a warning. Finished folds are not scored again.

    Args:
        member: The member.
        path: Directory of its finished run.
        folds: Number of inner folds.
        settings: The settings of the run.
    """
    for fold, file in _files(member, path, folds):
        if not file.exists():
            given = {} if fold is None else {"fold": fold}
            _write(member.dataset, file, folds, {**settings, **given, **NOT_INNER})


def is_scored(member: Member, path: Path, folds: int) -> bool:
    """Whether all folds of a member's run have been scored on inner folds."""
    return all(file.exists() for _, file in _files(member, path, folds))


def _files(member: Member, path: Path, folds: int) -> list[tuple[int | None, Path]]:
    """Return the file of each fold, or of a run without folds."""
    if member.folds is None:
        return [(None, inner_file(path, folds))]
    return [(fold, inner_file(path / f"fold_{fold}", folds)) for fold in member.folds]


def _write(dataset: str, file: Path, folds: int, settings: Mapping[str, Any]) -> None:
    import pandas as pd

    from xgraph.training.files.writing import write_csv

    header, rows = ["inner"], []
    for number in range(folds):
        with tempfile.TemporaryDirectory(prefix="xgraph-inner-") as folder:
            try:
                run = train(dataset, out=Path(folder) / "run", **settings, inner=f"{number}/{folds}")
            except OptionError:
                raise
            except ValueError as error:
                warnings.warn(f"inner fold {number} of {folds} is left out: {error}", stacklevel=2)
                continue
            table = pd.read_csv(run.path / PREDICTIONS, dtype=str, keep_default_na=False)
        header = ["inner", *table.columns[1:]]
        rows += [[number, *cells] for cells in table[table["split"] == "valid"].iloc[:, 1:].itertuples(index=False)]
    write_csv(file, header, rows)
