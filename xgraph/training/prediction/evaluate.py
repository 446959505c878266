"""`xgraph.evaluate`: compute the metrics of one or several finished runs from their best checkpoints."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from xgraph.options import OptionError
from xgraph.training.config.folds import summarize_folds
from xgraph.training.files.checkpoint import HEADER, check_same_data, read_checkpoint
from xgraph.training.files.rundir import BEST, Run
from xgraph.training.files.saved_model import load_model, loss_link
from xgraph.training.fit.loading import load_again
from xgraph.training.prediction.ensemble import Ensemble, check_finished, check_members, members_by_fold
from xgraph.training.prediction.labelled import Labelled, evaluate_table
from xgraph.training.prediction.members import Members
from xgraph.training.scoring.inference import as_scores, choose_device
from xgraph.training.scoring.metrics import Metric, partial_metrics
from xgraph.training.scoring.scores import score_split


def evaluate(
    run: str | Path | Sequence[str | Path],
    split: str | None = None,
    *,
    combine: str = "mean",
    max_fpr: float | None = None,
    min_tpr: float | None = None,
    device: str = "auto",
    progress: bool = False,
    data: Any = None,
    smiles_column: str | None = None,
    target_columns: Sequence[str] | None = None,
    bag_column: str | None = None,
    out: str | Path | None = None,
    separator: str | None = None,
    encoding: str | None = None,
) -> dict[str, float]:
    """Evaluate one run, or an ensemble of several, on a part of its data set or on the labelled rows of a new table.

    Args:
        run: A run directory, or several on the same data set, tasks and splits; their scores are combined before the
            metrics are computed. Runs over folds are combined fold by fold, and the metrics are means over the folds.
            On new data, all runs and folds are one ensemble, and need the same tasks only.
        split: Part of the data set: "train", "valid" or "test"; by default "test".
        combine: How to combine the scores of several runs: "mean" averages the scores; "rank" averages the rank that
            each run gives an item among the items of the part.
        max_fpr: Also compute the partial areas under the ROC curve up to this false positive rate.
        min_tpr: Also compute the two-way partial area from this true positive rate.
        device: "auto", "cpu" or "cuda".
        progress: Show progress on stderr if it is a terminal.
        data: A new table of molecules or bags with labels, a file or data frame, read as the run's own was. All its
            labelled rows are scored. With `split`, the run's own data at another place; their content must be the
            same. So must it be if this is an object other than a data frame.
        smiles_column: Column with SMILES of the new table, if not that of the run.
        target_columns: Columns with labels of the new table, in the order of the run's tasks, if not called like them.
        bag_column: Column that names the bag of each row of the new table, if not that of the run.
        out: Folder for ``evaluation-NAME.json`` and ``predictions-NAME.csv`` of the new table.
        separator: What separates the cells of the new table if it is a text file: a character, or comma, tab, semicolon
            or space; by default it is recognised.
        encoding: Encoding of the new table; by default UTF-8, or UTF-16 if it has a byte-order mark.

    Returns:
        Metrics by name, including the requested partial areas; NaN where the part has only one class.

    Raises:
        FileNotFoundError: If there is no such run, or it has not finished, or its data are not there any more.
        ValueError: If there is no such part, a rate is out of range, the data set has changed since training, or the
            runs differ in data, tasks or splits; if the new table lacks a column of the run, or has no labels.

    Example:
        >>> import tempfile, xgraph
        >>> short = dict(epochs=1, pretrain_epochs=0, hidden_channels=4, num_layers=1)
        >>> run = xgraph.train("nci-pains", out=tempfile.mkdtemp(), **short)
        >>> evaluate(run.path) == run.metrics["test"]
        True
        >>> "pauc_area_fpr0.1" in evaluate(run.path, max_fpr=0.1)
        True
    """
    limits = {"max_fpr": max_fpr, "min_tpr": min_tpr}
    how: dict[str, Any] = {"combine": combine, **limits, "device": device, "progress": progress}
    columns: dict[str, Any] = {
        "smiles_column": smiles_column,
        "target_columns": target_columns,
        "bag_column": bag_column,
        "separator": separator,
        "encoding": encoding,
    }
    if is_new(data, split):
        labelled = evaluate_new(run, data, **how, **columns)
        if out is not None:
            labelled.write(Path(out), _listed(run))
        return labelled.metrics
    unused = [name for name, value in {**columns, "out": out}.items() if value is not None]
    if unused:
        raise OptionError(f"{unused[0]}: this option is for new data; give data (--data) without split")
    result = evaluate_with_spread(run, split or "test", **how, data=data)
    metrics: dict[str, float] = result.get("mean", result)
    return metrics


def is_new(data: Any, split: str | None) -> bool:
    """Whether data are a new table rather than the run's own data at another place."""
    from xgraph.data.objects import is_frame

    return data is not None and split is None and (isinstance(data, str | Path) or is_frame(data))


def evaluate_new(
    run: str | Path | Sequence[str | Path],
    data: Any,
    *,
    combine: str = "mean",
    max_fpr: float | None = None,
    min_tpr: float | None = None,
    device: str = "auto",
    progress: bool = False,
    **columns: Any,
) -> Labelled:
    """Evaluate like `evaluate` on the labelled rows of a new table."""
    further = _further(max_fpr, min_tpr)
    Ensemble(combine)  # fail before the data are read, which may take long
    members = Members.read(run, choose_device(device), progress)
    return evaluate_table(members, data, combine, further, **columns)


def evaluate_with_spread(
    run: str | Path | Sequence[str | Path],
    split: str = "test",
    *,
    combine: str = "mean",
    max_fpr: float | None = None,
    min_tpr: float | None = None,
    device: str = "auto",
    progress: bool = False,
    data: Any = None,
) -> dict[str, Any]:
    """Evaluate like `evaluate`; over folds, the result also holds `mean` and `std`, as in `metrics.json`."""
    further = _further(max_fpr, min_tpr)
    runs = _listed(run)
    if not runs:
        raise ValueError("run: expected at least one run directory, got none")
    Ensemble(combine)  # fail before the data are read, which may take long
    where = choose_device(device)
    check_finished(runs)
    folds = members_by_fold(runs)
    by_fold = [{"test": _evaluate(members, split, combine, further, where, progress, data)} for members in folds]
    if folds == [runs]:
        return dict(by_fold[0]["test"])
    summary: dict[str, Any] = summarize_folds(by_fold)["test"]
    return summary


def _listed(run: str | Path | Sequence[str | Path]) -> list[Path]:
    return [Path(one) for one in ([run] if isinstance(run, str | Path) else run)]


def _further(max_fpr: float | None, min_tpr: float | None) -> Mapping[str, Metric]:
    try:
        return {} if max_fpr is None and min_tpr is None else partial_metrics(max_fpr=max_fpr, min_tpr=min_tpr)
    except ValueError as error:
        raise OptionError(str(error)) from None


def _evaluate(
    runs: list[Path],
    split: str,
    combine: str,
    further: Mapping[str, Metric],
    device: str,
    progress: bool,
    data: Any = None,
) -> dict[str, float]:
    """Return the metrics of the combined scores of runs on the same split."""
    configs = [Run.open(run).config for run in runs]
    states = [read_checkpoint(run / BEST) for run in runs]
    check_members(states, runs, same_split=True)
    ensemble: Ensemble | None = None
    scored: list[torch.Tensor] = []
    for run, config, state in zip(runs, configs, states, strict=True):
        moved = isinstance(data, str | Path)
        now = config.replace(dataset=str(data)) if moved else config
        source = load_again(now, run, progress, None if moved else data)
        if split not in source.splits:
            raise OptionError(f"split = {split!r}: expected a part of {source.name!r}: {', '.join(source.splits)}")
        check_same_data(state[HEADER], source, run)
        own = [source.splits[split], source.targets(source.splits[split])]
        scored = scored or own
        if not all(map(_same, scored, own)):
            raise ValueError(
                f"run: runs that are evaluated together must have the same split, but the {split} parts of {run} and "
                f"{runs[0]} differ"
            )
        ensemble = ensemble or Ensemble(combine, several_classes=source.several_classes)
        logits, link = source.score(load_model(state), source.splits[split], device=device), loss_link(state)
        if len(runs) > 1:
            ensemble.add(as_scores(logits, link))
            logits, link = ensemble.score, "sigmoid"  # monotone, so the scores rank items as they are
    y = scored[1].numpy()
    return score_split(source.name, y, logits, further, several_classes=source.several_classes, link=link)


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors are equal, including missing labels."""
    return one.shape == other.shape and torch.equal(one.nan_to_num(-1), other.nan_to_num(-1))
