"""How sure scores are: conformal p-values and sets, and calibrated probabilities, by the runs' validation part."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xgraph.messages import listed
from xgraph.options import OptionError
from xgraph.training.files.predictions import Part, check_same_items, read_parts
from xgraph.training.files.rundir import BEST, Run
from xgraph.training.prediction.ensemble import check_for_numbers
from xgraph.training.scoring.calibrators import Calibrator, check_calibrate
from xgraph.training.scoring.conformal import Conformal, check_alpha, least_items
from xgraph.training.scoring.ensemble import Ensemble, Scores
from xgraph.training.scoring.intervals import Intervals


class Uncertainty:
    """Further columns beside the scores of runs.

    Args:
        valid: Labels and scores of the validation part, of which several runs' are averaged.
        tasks: Names of the tasks, or of classes that exclude each other.
        several_classes: Whether they are classes.
        alpha: The share of errors of conformal sets or intervals; None for none.
        calibrate: How to calibrate; None for no probabilities.
        numbers: Whether the tasks are numbers to predict, which have intervals.
    """

    def __init__(
        self,
        valid: Part,
        tasks: Sequence[str],
        several_classes: bool,
        alpha: float | None,
        calibrate: str | None,
        numbers: bool = False,
    ) -> None:
        self.tasks, self.several_classes, self.alpha = list(tasks), several_classes, alpha
        self._conformal = self._calibrator = None
        self._intervals = Intervals(valid.y, valid.scores) if numbers and alpha is not None else None
        if self._intervals is not None and alpha is not None:
            self._warn_of_wide(self._intervals, alpha)
        elif alpha is not None:
            self._conformal = Conformal(valid.y, valid.scores, several_classes=several_classes)
            self._warn_of_few(alpha)
        if calibrate is not None:
            self._calibrator = Calibrator(valid.y, valid.scores, calibrate, several_classes=several_classes)
            if lacking := self._calibrator.lacking:
                which = "" if several_classes else f" of {listed([self.tasks[task] for task in lacking], 5)}"
                warnings.warn(
                    f"calibrate = {calibrate!r}: the labels{which} in the validation part have one class only, so "
                    "there are no probabilities",
                    stacklevel=4,
                )

    def names(self, scores: Sequence[str] | None = None) -> list[str]:
        """Return the names of the columns.

        Args:
            scores: What they are called after; by default the tasks.
        """
        tasks = self.tasks if scores is None else list(scores)
        found = [f"{task}_prob" for task in tasks] if self._calibrator is not None else []
        if self._intervals is not None:
            found += [f"{task}_{what}" for task in tasks for what in ("low", "high")]
        if self._conformal is not None and self.several_classes:
            found += [*(f"{task}_p" for task in tasks), "set"]
        elif self._conformal is not None:
            found += [f"{task}_{what}" for task in tasks for what in ("p0", "p1", "set")]
        return found

    def columns(self, scores: Scores) -> list[Any]:
        """Return the columns for scores of shape [n, T], with NaN for missing; a set is text such as ``{0, 1}``."""
        found: list[Any] = []
        if self._intervals is not None and self.alpha is not None:
            low, high = self._intervals.bounds(scores, self.alpha)
            found += [bound for pair in zip(low.T, high.T, strict=True) for bound in pair]
        if self._calibrator is not None:
            found += list(self._calibrator.probabilities(scores).T)
        if self._conformal is not None and self.alpha is not None:
            for p in self._conformal.p_values(scores):
                found += [*p.T, _sets(p, self.alpha, self.tasks if self.several_classes else ["0", "1"])]
        return found

    def _warn_of_wide(self, intervals: Intervals, alpha: float) -> None:
        """Warn of targets with too few calibration items for a finite interval."""
        least = least_items(alpha)
        few = [f"{task} ({count})" for task, count in zip(self.tasks, intervals.counts, strict=True) if count < least]
        if few:
            warnings.warn(
                f"alpha = {alpha:g}: a target needs at least {least} items in the validation part; with fewer (in "
                f"brackets), its intervals are infinite: {listed(few, 5)}",
                stacklevel=5,
            )

    def _warn_of_few(self, alpha: float) -> None:
        """Warn of classes with too few calibration items to be left out of a set."""
        least, counts = least_items(alpha), [] if self._conformal is None else self._conformal.counts
        if self.several_classes:
            few = [f"{name} ({count})" for name, count in zip(self.tasks, counts[0], strict=True) if count < least]
        else:
            few = [
                f"class {c} of {task} ({count})"
                for task, each in zip(self.tasks, counts, strict=True)
                for c, count in enumerate(each)
                if count < least
            ]
        if few:
            more = f" and {len(few) - 5} more" if len(few) > 5 else ""
            warnings.warn(
                f"alpha = {alpha:g}: a class needs at least {least} items in the validation part to be left out of a "
                f"set; with fewer (in brackets), it is in every set: {', '.join(few[:5])}{more}",
                stacklevel=5,
            )


def uncertainty_of(
    paths: Sequence[Path],
    tasks: Sequence[str],
    several_classes: bool,
    *,
    alpha: float | None,
    calibrate: str | None,
    combine: str,
    numbers: bool = False,
) -> Uncertainty | None:
    """Return what runs say beside their scores; None if nothing is asked for.

    Args:
        paths: Their best checkpoints.
        tasks: Names of their tasks or classes.
        several_classes: Whether they are classes.
        alpha: The share of errors of conformal sets or intervals.
        calibrate: How to calibrate.
        combine: How the scores of the runs are combined.
        numbers: Whether the tasks are numbers to predict.

    Raises:
        OptionError: If an argument is out of range, or ranks are combined.
        FileNotFoundError: If a run has not finished.
        ValueError: If there is no validation part, or the runs have different ones.
    """
    check_asked(alpha, calibrate, combine)
    if alpha is None and calibrate is None:
        return None
    if numbers:
        check_for_numbers({"calibrate": calibrate})
    return Uncertainty(validation_of(paths, _name(alpha)), tasks, several_classes, alpha, calibrate, numbers)


def check_asked(alpha: float | None, calibrate: str | None, combine: str) -> None:
    """Raise `OptionError` for an `alpha` or a way to calibrate that does not exist, or that ranks cannot have."""
    if alpha is not None:
        check_alpha(alpha)
    if calibrate is not None:
        check_calibrate(calibrate)
    if combine == "rank" and (alpha is not None or calibrate is not None):
        raise OptionError(
            f"combine = 'rank': ranks depend on which items are scored together, so they have no {_name(alpha)}; "
            "combine by the mean"
        )


def without_validation(name: str, what: object) -> ValueError:
    """Return the error for runs without a validation part."""
    return ValueError(
        f"{name}: {what} has no validation part to calibrate on; train a run that has one (--valid FILE or "
        "--valid-fraction 0.1 for parts of your own, and --train-on train)"
    )


def _name(alpha: float | None) -> str:
    return "calibrate" if alpha is None else "alpha"


def validation_of(paths: Sequence[Path], name: str) -> Part:
    """Return labels and mean scores of the validation part that runs share."""
    ensemble, first = Ensemble(), None
    for path in paths:
        if path.name != BEST:
            raise ValueError(f"{name}: {path} is a checkpoint alone; give the run directory, which has its predictions")
        run = Run.open(path.parent)
        part = read_parts(run.path, run.config).get("valid")
        if part is None or not len(part.y):
            raise without_validation(name, run.path)
        first = first or part
        try:
            check_same_items(first, part, (paths[0].parent, run.path))
        except ValueError:
            raise ValueError(
                f"{name}: the validation parts of {paths[0].parent} and {run.path} differ, and each run was trained on "
                "the other's, so no items are left to calibrate on; give a single run, or runs with the same parts, "
                "such as those of --seeds"
            ) from None
        ensemble.add(part.scores)
    if first is None:
        raise ValueError("run: expected at least one run directory, got none")
    return first._replace(scores=ensemble.score)


def _sets(p: Scores, alpha: float, names: Sequence[str]) -> list[str | None]:
    """Return the set of each item as text; None where it has no p-values."""
    missing: Any = np.isnan(p).any(axis=1)
    inside: list[list[bool]] = (p > alpha).tolist()
    return [
        None if lost else "{" + ", ".join(name for name, held in zip(names, row, strict=True) if held) + "}"
        for lost, row in zip(missing, inside, strict=True)
    ]
