"""Score a member on inner folds of its training and validation items, for choices that must not see the test part."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xgraph.recipes.schema.entries import InnerFolds
from xgraph.recipes.schema.recipe import Member
from xgraph.training.config.build import TrainConfig, build_config
from xgraph.training.files.writing import write_csv
from xgraph.training.fit.loading import load_data

NOT_INNER = {"train_on": "train"}
"""Settings of inner runs: they are trained on the other inner folds, and validated on one."""


def inner_file(run: Path, folds: InnerFolds) -> Path:
    """Return the file with the scores of a run's inner folds."""
    return run / f"inner_{folds.label}.csv"


def score_inner(member: Member, path: Path, folds: InnerFolds, settings: Mapping[str, Any]) -> None:
    """Train a member on all inner folds but one, for each of them and for each fold, and write the scores.

    Only the scores are kept. An inner fold on which the member cannot be trained, for example because no active item is
    left, is left out with a warning. Finished folds are not scored again.

    Args:
        member: The member.
        path: Directory of its finished run.
        folds: The inner folds.
        settings: The settings of the run.
    """
    for fold, file in _files(member, path, folds):
        if not file.exists():
            given = {} if fold is None else {"fold": fold}
            own = {**settings, **given, **NOT_INNER, "dataset": member.dataset}
            _write(build_config(own), file, folds)


def is_scored(member: Member, path: Path, folds: InnerFolds) -> bool:
    """Whether all folds of a member's run have been scored on inner folds."""
    return all(file.exists() for _, file in _files(member, path, folds))


def _files(member: Member, path: Path, folds: InnerFolds) -> list[tuple[int | None, Path]]:
    """Return the file of each fold, or of a run without folds."""
    if member.folds is None:
        return [(None, inner_file(path, folds))]
    return [(fold, inner_file(path / f"fold_{fold}", folds)) for fold in member.folds]


def _write(config: TrainConfig, file: Path, folds: InnerFolds) -> None:
    from xgraph.training.fit.launch.unsaved import score_unsaved

    data, tables = load_data(config, False).data, []
    for number in range(folds.number):
        one = config.replace(inner=f"{number}/{folds.number}", inner_groups=folds.groups)
        try:
            table = score_unsaved(one, data)
        except ValueError as error:
            warnings.warn(f"inner fold {number} of {folds.number} is left out: {error}", stacklevel=2)
            continue
        table.insert(0, "inner", str(number))
        tables.append(table)
    header = list(tables[0].columns) if tables else ["inner"]
    write_csv(file, header, [row for table in tables for row in table.itertuples(index=False)])
