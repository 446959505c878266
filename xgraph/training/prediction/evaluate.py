"""`xgraph.evaluate`: compute the metrics of one or several finished runs from their best checkpoints."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xgraph.options import OptionError
from xgraph.training.config.folds import summarize_folds
from xgraph.training.files.members import fold_folders, leaf_folders
from xgraph.training.files.rundir import BASELINE, BEST, Run
from xgraph.training.prediction.ensemble import check_finished, members_by_fold
from xgraph.training.prediction.evaluation.labelled import Labelled, evaluate_table
from xgraph.training.prediction.evaluation.part import Evaluation, evaluate_part
from xgraph.training.prediction.members import Members
from xgraph.training.prediction.uncertainty import check_asked
from xgraph.training.scoring.details import mean_details
from xgraph.training.scoring.ensemble import Ensemble
from xgraph.training.scoring.inference import choose_device
from xgraph.training.scoring.metrics import Metric, partial_metrics, top_metrics
from xgraph.training.scoring.ties import mean_effects


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
    top: int | None = None,
    alpha: float | None = None,
    calibrate: str | None = None,
) -> dict[str, float]:
    """Evaluate one run, or an ensemble of several, on a part of its data set or on the labelled rows of a new table.

    Args:
        run: A run directory, or several on the same data set, tasks and splits; their scores are combined before the
            metrics are computed. Runs over folds are combined fold by fold, and the metrics are means over the folds.
            The seeds of a run are an ensemble. On new data, all runs, folds and seeds are one ensemble, and need the
            same tasks only.
        split: Part of the data set: "train", "valid" or "test"; by default "test".
        combine: How to combine the scores of several runs: "mean" averages the scores; "rank" averages the rank that
            each run gives an item among the items of the part.
        max_fpr: Also compute the partial areas under the ROC curve up to this false positive rate.
        min_tpr: Also compute the two-way partial area from this true positive rate.
        device: "auto", "cpu" or "cuda".
        progress: Show progress on stderr if it is a terminal.
        data: New data with labels, all of whose labelled items are scored: a table of molecules or bags, as a file or
            data frame, read as the run's own was; or an object that `train` takes. With `split`, the run's own data
            again, at another place or in memory; their content must be the same.
        smiles_column: Column with SMILES of the new table, if not that of the run.
        target_columns: Columns with labels of the new table, in the order of the run's tasks, if not called like them.
        bag_column: Column that names the bag of each row of the new table, if not that of the run.
        out: Folder for ``evaluation-NAME.json`` and ``predictions-NAME.csv`` of the new table.
        separator: What separates the cells of the new table if it is a text file: a character, or comma, tab, semicolon
            or space; by default it is recognised.
        encoding: Encoding of the new table; by default UTF-8, or UTF-16 if it has a byte-order mark.
        top: Also compute the number and share of positives among this many items with the highest scores.
        alpha: Also compute the share of items whose conformal set holds their true class (``coverage``; for each class
            also ``coverage_0`` and ``coverage_1``, or ``coverage_CLASS``), and the mean number of classes in a set
            (``set_size``). The sets are those of ``predict`` with this ``alpha``, calibrated on the validation part.
        calibrate: Also compute the Brier score and the expected calibration error (10 bins of equal width) of the
            scores (``brier``, ``ece``), and of the probabilities that "temperature" scaling or "isotonic" regression
            makes of them by the validation part (``brier_temperature``, ...). Other metrics stay those of the scores.

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
    limits = {"max_fpr": max_fpr, "min_tpr": min_tpr, "top": top}
    asked = {"alpha": alpha, "calibrate": calibrate}
    how: dict[str, Any] = {"combine": combine, **limits, **asked, "device": device, "progress": progress}
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
    metrics = evaluate_in_detail(run, split or "test", **how, data=data).metrics
    result: dict[str, float] = metrics.get("mean", metrics)
    return result


def is_new(data: Any, split: str | None) -> bool:
    """Whether data are new, rather than the run's own data again."""
    return data is not None and split is None


def evaluate_new(
    run: str | Path | Sequence[str | Path],
    data: Any,
    *,
    combine: str = "mean",
    max_fpr: float | None = None,
    min_tpr: float | None = None,
    top: int | None = None,
    device: str = "auto",
    progress: bool = False,
    alpha: float | None = None,
    calibrate: str | None = None,
    **columns: Any,
) -> Labelled:
    """Evaluate like `evaluate` on the labelled rows of a new table."""
    further = _further(max_fpr, min_tpr, top)
    Ensemble(combine)  # fail before the data are read, which may take long
    check_asked(alpha, calibrate, combine)
    members = Members.read(run, choose_device(device), progress)
    return evaluate_table(members, data, combine, further, alpha=alpha, calibrate=calibrate, **columns)


def evaluate_in_detail(
    run: str | Path | Sequence[str | Path],
    split: str = "test",
    *,
    combine: str = "mean",
    max_fpr: float | None = None,
    min_tpr: float | None = None,
    top: int | None = None,
    device: str = "auto",
    progress: bool = False,
    data: Any = None,
    ties: bool = False,
    groups: Sequence[Sequence[Path]] | None = None,
    alpha: float | None = None,
    calibrate: str | None = None,
) -> Evaluation:
    """Evaluate like `evaluate`, with the spread over folds, the figures of each task, and on demand effects of ties.

    With `groups`, the runs are these: one ensemble per fold.
    """
    further = _further(max_fpr, min_tpr, top)
    check_asked(alpha, calibrate, combine)
    runs = _listed(run)
    if not runs:
        raise ValueError("run: expected at least one run directory, got none")
    several = max(map(len, members_by_fold(runs)))
    if ties and several > 1:
        raise OptionError(f"ties: expected a single run, got {several}; combined scores have no logits")
    Ensemble(combine)  # fail before the data are read, which may take long
    where = choose_device(device)
    check_finished(runs)
    folds = members_by_fold(runs) if groups is None else groups
    how: dict[str, Any] = {"data": data, "ties": ties, "alpha": alpha, "calibrate": calibrate}
    by_fold = [evaluate_part(list(members), split, combine, further, where, progress, **how) for members in folds]
    if len(by_fold) == 1 and not fold_folders(runs[0]):
        return by_fold[0]
    summary: dict[str, Any] = summarize_folds([{"test": one.metrics} for one in by_fold])["test"]
    details = mean_details([one.details for one in by_fold])
    if ties:
        details["ties"] = mean_effects([one.details["ties"] for one in by_fold])
    return Evaluation(summary, details, by_fold[0].pretrained, by_fold[0].kind)


def baselines(runs: Sequence[Path]) -> list[list[Path]]:
    """Return the baselines of a single run, one group per fold; none where it is what the run keeps itself."""
    if len(runs) != 1 or not runs[0].is_dir():
        return []
    groups = [[leaf / BASELINE for leaf in group] for group in members_by_fold(runs)]
    kept = Run.open(runs[0]).metrics
    fitted = all((folder / BASELINE / BEST).is_file() for folder in leaf_folders(runs[0]))
    return groups if fitted and kept.get("chosen") != kept.get("baseline", {}).get("model") else []


def _listed(run: str | Path | Sequence[str | Path]) -> list[Path]:
    return [Path(one) for one in ([run] if isinstance(run, str | Path) else run)]


def _further(max_fpr: float | None, min_tpr: float | None, top: int | None) -> Mapping[str, Metric]:
    """Return the metrics that were asked for beyond those of every run."""
    if top is not None and (isinstance(top, bool) or not isinstance(top, int) or top < 1):
        raise OptionError(f"top = {top!r}: expected a positive integer")
    asked = {} if top is None else top_metrics(top)
    if max_fpr is None and min_tpr is None:
        return asked
    try:
        return asked | partial_metrics(max_fpr=max_fpr, min_tpr=min_tpr)
    except ValueError as error:
        raise OptionError(str(error)) from None
