"""Evaluation of runs on the labelled rows of a new table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from xgraph.data.bags.folder.files import has_labels
from xgraph.data.objects import is_dataset
from xgraph.messages import listed
from xgraph.options import OptionError
from xgraph.training.config.build import TrainConfig, build_config
from xgraph.training.files.checkpoint import HEADER, check_feature_names, instance_shape
from xgraph.training.files.rundir import Run
from xgraph.training.files.saved_model import load_model, loss_link
from xgraph.training.files.writing import write_csv, write_json
from xgraph.training.fit.loading import load_options
from xgraph.training.fit.overlap import warn_of_training_rows
from xgraph.training.prediction.ensemble import check_for_numbers
from xgraph.training.prediction.members import Members, check_featurizer
from xgraph.training.prediction.new_bags import makes_conformers
from xgraph.training.prediction.objects import source_of_object
from xgraph.training.prediction.uncertainty import validation_of
from xgraph.training.scoring.calibrators import asked_figures
from xgraph.training.scoring.details import Decisions, add_calibration, number_figures, part_details
from xgraph.training.scoring.ensemble import Ensemble
from xgraph.training.scoring.inference import as_scores, class_scores
from xgraph.training.scoring.intervals import interval_figures
from xgraph.training.scoring.metrics import Metric
from xgraph.training.scoring.scores import measure
from xgraph.training.sources import Source, make_source

_NO_SPLIT = dict.fromkeys(("split_column", "split_file", "valid", "test", "valid_fraction", "folds", "fold"))


@dataclass(frozen=True)
class Labelled:
    """The result of an evaluation on a new table.

    Args:
        name: Name of the table.
        metrics: All metrics.
        details: The figures of each task, and decisions at the thresholds of a single run.
        counts: For the report: labelled and positive items of each task, and rows that could not be read.
        columns: Header of the predictions.
        rows: Predictions for the labelled items.
        pretrained: What the pretrained encoders among the features may have seen of the items (`seen_by`).
        kind: "graph", "node" or "bag".
    """

    name: str
    metrics: dict[str, float]
    details: dict[str, Any]
    counts: dict[str, Any]
    columns: list[str]
    rows: list[list[object]]
    pretrained: dict[str, Any]
    kind: str

    def write(self, folder: Path, runs: Sequence[str | Path]) -> tuple[Path, Path]:
        """Write metrics and predictions to a folder, and return the paths of both files."""
        folder.mkdir(parents=True, exist_ok=True)
        metrics, predictions = folder / f"evaluation-{self.name}.json", folder / f"predictions-{self.name}.csv"
        more = {"pretrained": self.pretrained} if self.pretrained else {}
        runs = [str(run) for run in runs]
        write_json(metrics, {**self.metrics, **self.counts, "details": self.details, "runs": runs, **more})
        write_csv(predictions, self.columns, self.rows)
        return metrics, predictions

    def summary(self) -> str:
        """Say on what the metrics are computed."""
        labelled, positives = self.counts["labelled"], self.counts.get("positives")
        tasks = [
            f"{name}: {count} numbers"
            if positives is None
            else f"{name}: {positives[name]} positive of {count} labelled"
            for name, count in labelled.items()
        ]
        more = f" and {len(tasks) - 5} more tasks" if len(tasks) > 5 else ""
        lost = self.counts["unreadable_rows"]
        return f"{self.name}: {'; '.join(tasks[:5])}{more}" + (f"; {lost} rows could not be read" if lost else "")


def evaluate_table(
    members: Members,
    data: Any,
    combine: str,
    further: Mapping[str, Metric],
    *,
    smiles_column: str | None = None,
    target_columns: Sequence[str] | None = None,
    bag_column: str | None = None,
    separator: str | None = None,
    encoding: str | None = None,
    alpha: float | None = None,
    calibrate: str | None = None,
) -> Labelled:
    """Score the labelled rows of a table with all members, and compute the metrics of their combined scores."""
    of_objects = is_dataset(data)
    columns = {"smiles_column": smiles_column, "target_columns": target_columns, "bag_column": bag_column}
    unused = [name for name, value in columns.items() if value is not None]
    if of_objects and unused:
        raise OptionError(f"{unused[0]}: this option is for tables, not for a {type(data).__name__}")
    if members.header["kind"] == "node" and not of_objects:
        raise OptionError(
            "data: a run on nodes can be evaluated on the parts of its own graph, or on a graph in memory"
        )
    if not of_objects and makes_conformers(members.states[0]):
        raise OptionError("data: a run on conformers cannot be evaluated on a table; use xgraph predict")
    overrides = {"smiles_column": smiles_column, "bag_column": bag_column}
    given: dict[str, Any] = {name: value for name, value in overrides.items() if value is not None}
    given |= {"separator": separator, "encoding": encoding}  # those of the run may not be those of this table
    ensemble = Ensemble(combine, **members.kinds)
    sources: dict[str, Source] = {}  # by how they are read
    for state, path in zip(members.states, members.paths, strict=True):
        config = build_config({}, state[HEADER]["config"], saved=True)
        options = _options(config, state[HEADER], target_columns) | given
        if not of_objects and has_labels(data):
            options["labels"] = None  # rather than the table that the run was trained with
        if repr(options) not in sources:
            sources[repr(options)] = (
                source_of_object(config, data, members.header, members.several_classes)
                if of_objects
                else _load(config, data, options, target_columns is None, members.progress)
            )
        source = sources[repr(options)]
        _check_same_features(state, source, path)
        y = _targets(source, members.tasks, members.several_classes)
        known = torch.from_numpy(np.flatnonzero(~np.isnan(y).all(axis=1)))
        if not len(known):
            raise ValueError(f"data: no row of {source.name!r} has a label of {listed(members.tasks, 5)}")
        logits, link = source.score(load_model(state), known, device=members.device), loss_link(state)
        ensemble.add(as_scores(logits, link))
    logits = logits if len(members.states) == 1 else ensemble.score  # monotone, so the scores rank items as they are
    link = link if len(members.states) == 1 or members.numbers else "sigmoid"
    y, first = y[known.numpy()], next(iter(sources.values()))
    if members.numbers:
        check_for_numbers({**further, "calibrate": calibrate})
    valid = None
    if alpha is not None or calibrate is not None:
        part = validation_of(members.paths, "calibrate" if alpha is None else "alpha")
        valid = part.y, part.scores
    metrics = measure(y, logits, further, several_classes=members.several_classes, link=link)
    if members.numbers:
        details = number_figures(y, logits, members.tasks, valid)
    else:
        details = part_details(y, class_scores(logits) if link == "softmax" else logits, members.tasks, further)
        if combine == "mean" or len(members.states) == 1:  # ranks are no probabilities
            add_calibration(details, valid, y, ensemble.score, members.tasks, members.several_classes)
    if valid is not None and members.numbers and alpha is not None:
        metrics |= interval_figures(valid, y, logits, alpha)
    elif valid is not None:
        kinds: dict[str, Any] = {"several_classes": members.several_classes, "classes": members.tasks}
        metrics |= asked_figures(valid, y, ensemble.score, alpha, calibrate, **kinds)
    if len(members.states) == 1 and not members.several_classes and not members.numbers:
        decisions = Decisions.of_run(Run.open(members.paths[0].parent).metrics, members.tasks)
        decisions.add_to(details, y, as_scores(logits, link))
    warn_of_training_rows(members.states, data, first)
    positives = dict(zip(members.tasks, (y == 1).sum(axis=0).tolist(), strict=True))
    counts = {
        "labelled": dict(zip(members.tasks, (~np.isnan(y)).sum(axis=0).tolist(), strict=True)),
        **({} if members.numbers else {"positives": positives}),
        "unreadable_rows": len(first.data.errors),
    }
    rows = [
        [*first.place(int(i)), *_cells(labels, own, members)]
        for i, labels, own in zip(known.tolist(), y, ensemble.score.tolist(), strict=True)
    ]
    pretrained: dict[str, Any] = {}
    for source in sources.values():
        pretrained |= source.pretrained(data if isinstance(data, str) else "")
    header = [*first.places, *_header(members)]
    return Labelled(first.name, metrics, details, counts, header, rows, pretrained, first.kind)


def _options(config: TrainConfig, header: Mapping[str, Any], target_columns: Sequence[str] | None) -> dict[str, Any]:
    """Return the options by which a table is read as the run's own was, all of it as one part."""
    options: dict[str, Any] = {
        **load_options(config),
        **_NO_SPLIT,
        "split": "whole",
        "stratified": False,
        "partition": None,
        "weight_column": None,  # metrics have no weights
        **({"fair_column": None} if header["kind"] == "graph" else {}),
        "duplicates": "keep",
        "kind": header["kind"],
    }
    tasks: list[str] = header["task_names"]
    if target_columns is not None:
        listed_columns = list(target_columns)
        if config.task != "multiclass" and len(listed_columns) != len(tasks):
            raise OptionError(
                f"target_columns: expected one column for each of the {len(tasks)} tasks of the run "
                f"({listed(tasks, 5)}), got {len(listed_columns)}"
            )
        options["target_columns"] = listed_columns
    elif config.task != "multiclass":
        options["target_columns"] = tasks
    if header["kind"] == "bag" and header.get("feature_names"):
        options["feature_columns"] = header["feature_names"]
    return options


def _load(config: TrainConfig, data: Any, options: Mapping[str, Any], usual_columns: bool, progress: bool) -> Source:
    from xgraph.data import load
    from xgraph.training.fit.bars import data_progress

    with data_progress(progress) as report:
        try:
            found: Any = load(data, **options, progress=report)
        except ValueError as error:
            if "target_columns" in str(error) and usual_columns:
                raise ValueError(
                    f"{error}; if the labels have other names there, give them in the order of the run's tasks with "
                    "target_columns (--target-columns)"
                ) from None
            raise
    return make_source(found, config)


def _targets(source: Source, tasks: list[str], several_classes: bool) -> np.ndarray[tuple[int, int], np.dtype[Any]]:
    """Return the labels in the order of the run's tasks or classes."""
    every = torch.arange(len(source))
    y = source.targets(every).numpy()
    if not several_classes:
        return y
    unknown = [name for name in source.task_names if name not in tasks]
    if unknown:
        raise ValueError(
            f"data: {source.name!r} has classes that the run does not know: {listed(unknown, 5)}; it knows "
            f"{listed(tasks)}"
        )
    ordered = np.zeros((len(y), len(tasks)), dtype=y.dtype)
    ordered[np.isnan(y).all(axis=1)] = np.nan
    for column, name in enumerate(source.task_names):
        ordered[:, tasks.index(name)] += y[:, column]
    return ordered


def _check_same_features(state: Mapping[str, Any], source: Source, path: Path) -> None:
    """Raise `ValueError` if the model cannot take the items of a table."""
    as_given = source.kind == "graph" and not all(source.data.smiles)  # graphs in memory, in the order that they have
    check_featurizer(state, source.featurizer, any_order=as_given)
    header = state[HEADER]
    if source.kind == "graph":
        check_feature_names(header, source.feature_names, path)
        return
    if source.kind == "node":
        width = int(header["model_arguments"]["in_channels"])
        if source.data.num_features != width:
            raise ValueError(f"data: the nodes have {source.data.num_features} features, but the run has {width}")
        return
    shape, own = list(instance_shape(header)), list(source.data.instance_shape)
    if shape != own:
        raise ValueError(f"data: the instances of {source.name!r} have shape {own}, but {path} was trained on {shape}")


def _header(members: Members) -> list[str]:
    """Return the columns of labels and scores."""
    if members.several_classes:
        return ["label", "predicted", *(f"{name}_score" for name in members.tasks)]
    return [column for task in members.tasks for column in (task, f"{task}_score")]


def _cells(labels: Sequence[float], scores: list[float], members: Members) -> list[object]:
    """Return the cells of an item under `_header`."""
    if members.several_classes:
        return [members.tasks[int(np.argmax(labels))], members.tasks[int(np.argmax(scores))], *scores]
    shown = ["" if label != label else label if members.numbers else int(label) for label in labels]
    return [cell for pair in zip(shown, scores, strict=True) for cell in pair]
