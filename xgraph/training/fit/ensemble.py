"""The results of a run over several seeds: the metrics of their mean scores, and these scores."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xgraph.training.files.predictions import check_same_items, read_parts
from xgraph.training.files.rundir import PREDICTIONS, Run
from xgraph.training.files.writing import write_csv
from xgraph.training.scoring.details import Decisions, add_calibration, number_figures, part_details
from xgraph.training.scoring.ensemble import Ensemble
from xgraph.training.scoring.scores import score_split


def ensemble_results(path: Path, folders: Sequence[Path]) -> dict[str, Any]:
    """Write the mean scores of runs on the same parts, and return their metrics by part, with details.

    Args:
        path: The directory of the run over seeds, which gets ``predictions.csv``: the rows of its members with mean
            scores, and after them the standard deviation of each score.
        folders: The directories of its members.
    """
    runs = [Run.open(folder) for folder in folders]
    first, read = runs[0].metrics, [read_parts(run.path, run.config) for run in runs]
    several_classes = "classes" in first
    names: list[str] = first["classes" if several_classes else "tasks"]
    parts = [part for part in ("test", "valid") if part in first]
    metrics: dict[str, Any] = {}
    details: dict[str, Any] = {}
    combined: dict[str, Ensemble] = {}
    for part in parts:
        ensemble = combined[part] = Ensemble()
        for one, folder in zip(read, folders, strict=True):
            check_same_items(read[0][part], one[part], (folders[0], folder))
            ensemble.add(one[part].scores)
    decisions = None
    for part in reversed(parts):  # validation first, which chooses the thresholds
        y, scores = read[0][part].y, combined[part].score
        valid = None if part == "valid" or "valid" not in parts else (read[0]["valid"].y, combined["valid"].score)
        if first.get("task") == "regression":
            metrics[part] = score_split(first["dataset"], y, scores, link="identity")
            details[part] = number_figures(y, scores, names, valid)
            continue
        metrics[part] = score_split(first["dataset"], y, scores, several_classes=several_classes)
        details[part] = part_details(y, scores, names)
        add_calibration(details[part], valid, y, scores, names, several_classes)
        if part == "valid" and not several_classes:
            decisions = Decisions.at_best_f1(y, scores)
        if decisions is not None:
            decisions.add_to(details[part], y, scores)
    if combined and all(not np.any(one.std) for one in combined.values()):
        model = runs[0].config.model
        warnings.warn(
            f"all {len(runs)} seeds have the same scores, so their standard deviation is 0: model {model!r} does not "
            "depend on the seed with these data; a single run says the same",
            stacklevel=4,
        )
    _write(path, folders[0], names, combined)
    return {**{part: metrics[part] for part in parts}, "details": details}


def _write(path: Path, first: Path, names: Sequence[str], combined: dict[str, Ensemble]) -> None:
    """Write the predictions of the first member with the scores of all."""
    import pandas as pd

    table = pd.read_csv(first / PREDICTIONS, dtype=str, keep_default_na=False)
    classes = list(table.columns[-len(names) - 2 : -len(names)]) == ["label", "predicted"]
    scores = list(table.columns[-len(names) :] if classes else table.columns[-2 * len(names) :][1::2])
    table = table.astype(dict.fromkeys(scores, object))
    std = pd.DataFrame(np.nan, table.index, [f"{name.removesuffix('_score')}_std" for name in scores])
    for part, ensemble in combined.items():
        rows = (table["split"] == part).to_numpy()
        table.loc[rows, scores] = ensemble.score
        std.loc[rows] = ensemble.std
        if classes:
            table.loc[rows, "predicted"] = [names[int(best)] for best in ensemble.score.argmax(axis=1)]
    columns = [*table.columns, *std.columns]
    written = zip(table.itertuples(index=False, name=None), std.itertuples(index=False, name=None), strict=True)
    write_csv(path / PREDICTIONS, columns, ([*row, *more] for row, more in written))
