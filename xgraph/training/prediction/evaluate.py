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
from xgraph.training.fit.loading import load_data
from xgraph.training.prediction.ensemble import Ensemble, check_finished, check_members, members_by_fold
from xgraph.training.scoring.inference import as_scores, choose_device
from xgraph.training.scoring.metrics import Metric, partial_metrics
from xgraph.training.scoring.scores import score_split


def evaluate(
    run: str | Path | Sequence[str | Path],
    split: str = "test",
    *,
    combine: str = "mean",
    max_fpr: float | None = None,
    min_tpr: float | None = None,
    device: str = "auto",
    progress: bool = False,
) -> dict[str, float]:
    """Evaluate one run, or an ensemble of several, on a part of its data set.

    Args:
        run: A run directory, or several on the same data set, tasks and splits; their scores are combined before the
            metrics are computed. Runs over folds are combined fold by fold, and the metrics are means over the folds.
        split: Part of the data set: "train", "valid" or "test".
        combine: How to combine the scores of several runs: "mean" averages the scores; "rank" averages the rank that
            each run gives an item among the items of the part.
        max_fpr: Also compute the partial areas under the ROC curve up to this false positive rate.
        min_tpr: Also compute the two-way partial area from this true positive rate.
        device: "auto", "cpu" or "cuda".
        progress: Show progress on stderr if it is a terminal.

    Returns:
        Metrics by name, including the requested partial areas; NaN where the part has only one class.

    Raises:
        FileNotFoundError: If there is no such run, or it has not finished.
        ValueError: If there is no such part, a rate is out of range, the data set has changed since training, or the
            runs differ in data, tasks or splits.

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
    result = evaluate_with_spread(run, split, combine=combine, **limits, device=device, progress=progress)
    metrics: dict[str, float] = result.get("mean", result)
    return metrics


def evaluate_with_spread(
    run: str | Path | Sequence[str | Path],
    split: str = "test",
    *,
    combine: str = "mean",
    max_fpr: float | None = None,
    min_tpr: float | None = None,
    device: str = "auto",
    progress: bool = False,
) -> dict[str, Any]:
    """Evaluate like `evaluate`; over folds, the result also holds `mean` and `std`, as in `metrics.json`."""
    limits = {"max_fpr": max_fpr, "min_tpr": min_tpr}
    try:
        further = {} if set(limits.values()) == {None} else partial_metrics(**limits)
    except ValueError as error:
        raise OptionError(str(error)) from None
    runs = [Path(one) for one in ([run] if isinstance(run, str | Path) else run)]
    if not runs:
        raise ValueError("run: expected at least one run directory, got none")
    Ensemble(combine)  # fail before the data are read, which may take long
    where = choose_device(device)
    check_finished(runs)
    folds = members_by_fold(runs)
    by_fold = [{"test": _evaluate(members, split, combine, further, where, progress)} for members in folds]
    if folds == [runs]:
        return dict(by_fold[0]["test"])
    summary: dict[str, Any] = summarize_folds(by_fold)["test"]
    return summary


def _evaluate(
    runs: list[Path], split: str, combine: str, further: Mapping[str, Metric], device: str, progress: bool
) -> dict[str, float]:
    """Return the metrics of the combined scores of runs on the same split."""
    configs = [Run.open(run).config for run in runs]
    states = [read_checkpoint(run / BEST) for run in runs]
    check_members(states, runs, same_split=True)
    ensemble: Ensemble | None = None
    scored: list[torch.Tensor] = []
    for run, config, state in zip(runs, configs, states, strict=True):
        source = load_data(config, progress)
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
