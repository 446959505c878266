"""Checks that the runs of an ensemble belong together, and their order by folds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xgraph.messages import listed
from xgraph.options import OptionError
from xgraph.training.config.traits import NOUNS
from xgraph.training.files.checkpoint import HEADER
from xgraph.training.files.members import fold_folders, leaf_folders, member_folders
from xgraph.training.files.rundir import CONFIG, METRICS
from xgraph.training.files.saved_model import predicts_numbers


def check_finished(runs: Sequence[str | Path]) -> None:
    """Raise `FileNotFoundError` if a member of an ensemble has not finished."""
    for path in map(Path, runs):
        several = len(runs) > 1 or bool(member_folders(path))
        if several and (path / CONFIG).is_file() and not (path / METRICS).is_file():
            raise FileNotFoundError(
                f"run: {path} has not finished (no {METRICS}) and cannot be part of an ensemble yet; "
                f"resume it with `xgraph train --resume --out {path}`"
            )


def check_for_numbers(options: Mapping[str, object]) -> None:
    """Raise `OptionError` for an option of an evaluation that needs labels, if the run predicts numbers."""
    for name, value in options.items():
        if value:
            raise OptionError(f"{name}: this is for labels 0 and 1 or classes, but the run predicts numbers")


def check_members(states: Sequence[Mapping[str, Any]], paths: Sequence[Path], *, same_split: bool = False) -> None:
    """Raise `ValueError` if the members of an ensemble do not predict the same tasks on the same data."""
    first, where = states[0][HEADER], paths[0]
    for state, path in zip(states[1:], paths[1:], strict=True):
        other = state[HEADER]
        if other["kind"] != first["kind"]:
            one, two = (NOUNS.get(header["kind"], header["kind"]) for header in (first, other))
            raise ValueError(
                f"run: the runs of an ensemble must be on the same data, got {one} ({where}) and {two} ({path})"
            )
        if other["task_names"] != first["task_names"]:
            one, two = (listed(header["task_names"], 3) or "none" for header in (first, other))
            raise ValueError(
                f"run: the runs of an ensemble must have the same tasks, got {one} ({where}) and {two} ({path})"
            )
        if predicts_numbers(other) != predicts_numbers(first):
            one, two = ("numbers" if predicts_numbers(header) else "labels" for header in (first, other))
            raise ValueError(
                f"run: the runs of an ensemble must predict the same, got {one} ({where}) and {two} ({path})"
            )
        if same_split and other["dataset"] != first["dataset"]:
            raise ValueError(
                f"run: runs that are evaluated together must be on the same data set, got {first['dataset']!r} "
                f"({where}) and {other['dataset']!r} ({path})"
            )
        if same_split and _parts(other) == _parts(first) and other["fingerprint"] != first["fingerprint"]:
            noun = NOUNS.get(first["kind"], "items")
            raise ValueError(
                f"run: runs that are evaluated together must have the same split, but the {noun}, labels or splits of "
                f"{first['dataset']!r} differ between {path} and {where}"
            )


def members_by_fold(runs: Sequence[Path]) -> list[list[Path]]:
    """Group the runs that are evaluated together: all in one group, or one group per fold; with all of their seeds."""
    folders = [{folder.name: folder for folder in fold_folders(run)} for run in runs]
    for run, own in zip(runs, folders, strict=True):
        if own.keys() != folders[0].keys():
            which = [", ".join(n.removeprefix("fold_") for n in names) or "none" for names in (folders[0], own)]
            raise ValueError(
                f"run: runs over folds are evaluated fold by fold and must have the same folds, but {runs[0]} has "
                f"{which[0]} and {run} has {which[1]}"
            )
    groups = [[own[name] for own in folders] for name in folders[0]] or [list(runs)]
    return [[leaf for one in group for leaf in leaf_folders(one)] for group in groups]


def _parts(header: Mapping[str, Any]) -> tuple[object, ...]:
    """Return the settings that change which parts of the data a run is trained and validated on."""
    settings = header.get("config", {})
    return settings.get("train_on", "train"), settings.get("inner"), settings.get("inner_groups")
