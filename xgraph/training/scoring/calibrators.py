"""Turn scores into probabilities by what the validation part says: temperature scaling and isotonic regression."""

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from xgraph.options import OptionError, nearest
from xgraph.training.scoring.calibration import brier_score, calibration_error
from xgraph.training.scoring.conformal import Conformal

Calibrate = Literal["temperature", "isotonic"]
Array = npt.NDArray[np.float64]
_LEAST = 1e-300  # of a score, so that its logarithm is finite


def check_calibrate(calibrate: object) -> str:
    """Return the way to calibrate, or raise `OptionError` if there is no such way."""
    known = get_args(Calibrate)
    if calibrate not in known:
        raise OptionError(f"calibrate = {calibrate!r}: expected {' or '.join(known)}{nearest(str(calibrate), known)}")
    return str(calibrate)


class Calibrator:
    """Probabilities from scores, as scikit-learn's ``CalibratedClassifierCV`` fits them to the validation part.

    With "temperature", the logits of the scores are divided by a number that minimises the cross-entropy; their order
    stays the same. With "isotonic", the probability is a step-like increasing function of the score, so that it has
    ties. Each task has its own; classes that exclude each other share one temperature, and isotonic probabilities of
    classes are divided by their sum.

    Args:
        labels: Labels of the calibration items: 0 and 1, or one-hot rows; NaN for missing. Shape ``[n]`` or ``[n, T]``.
        scores: Their scores between 0 and 1, of the same shape.
        how: "temperature" or "isotonic".
        several_classes: Whether the columns are classes that exclude each other.

    Example:
        >>> sure = [0.02, 0.04, 0.97, 0.99] * 10  # wrong in a twentieth of all cases
        >>> fitted = Calibrator([0, 0, 1, 1] * 9 + [1, 0, 0, 1], sure, "temperature")
        >>> fitted.probabilities([0.99]).round(2).tolist()
        [[0.97]]
    """

    def __init__(
        self, labels: npt.ArrayLike, scores: npt.ArrayLike, how: str, *, several_classes: bool = False
    ) -> None:
        self.how, self.several_classes = check_calibrate(how), several_classes
        s = _columns(scores)
        y = _columns(labels)
        if several_classes:
            known = ~np.isnan(y).any(axis=1) & (y == 1).any(axis=1)
            self._fitted = [self._fit(np.nan_to_num(y[known]).argmax(axis=1), np.log(np.maximum(s[known], _LEAST)))]
        else:
            each = [(y[:, t], s[:, t], ~np.isnan(y[:, t])) for t in range(s.shape[1])]
            self._fitted = [self._fit(label[known].astype(np.int64), _logits(own[known])) for label, own, known in each]

    @property
    def lacking(self) -> list[int]:
        """Numbers of the tasks with fewer than two classes among the calibration items, which have no probabilities."""
        return [task for task, model in enumerate(self._fitted) if model is None]

    def probabilities(self, scores: npt.ArrayLike) -> Array:
        """Return the probability of each score, ``[m, T]``; NaN where a score is missing or a task is lacking."""
        s = _columns(scores)
        found = np.full(s.shape, np.nan)
        known: Any = ~np.isnan(s)
        if self.several_classes:
            known, (model,) = known.all(axis=1), self._fitted
            if model is not None and known.any():
                place = model.classes_  # others were not seen and have a probability of 0
                found[known] = 0.0
                own = model.predict_proba(np.log(np.maximum(s[known], _LEAST))[:, place])
                found[np.ix_(np.flatnonzero(known), place)] = own
            return found
        for task, model in enumerate(self._fitted):
            rows = known[:, task]
            if model is not None and rows.any():
                found[rows, task] = model.predict_proba(_logits(s[rows, task])[:, None])[:, 1]
        return found

    def _fit(self, label: npt.NDArray[np.int64], logits: Array) -> Any:
        """Fit one model; None if there is only one class."""
        from sklearn.calibration import CalibratedClassifierCV
        from sklearn.frozen import FrozenEstimator

        classes = np.unique(label)
        if len(classes) < 2:
            return None
        x = logits[:, None] if logits.ndim == 1 else logits[:, classes]
        if x.shape[1] == 2:  # of which scikit-learn wants the difference
            x = x[:, 1:] - x[:, :1]
        every = np.arange(len(x))
        given = FrozenEstimator(_given(classes))
        model = CalibratedClassifierCV(given, method=self.how, cv=[(every, every)], ensemble=False)
        return _Fitted(model.fit(x, label), classes)


class _Fitted:
    """A fitted model that takes one logit per class, or one for two classes."""

    def __init__(self, model: Any, classes: npt.NDArray[np.int64]) -> None:
        self._model, self.classes_ = model, classes

    def predict_proba(self, x: Array) -> Array:
        if x.shape[1] == 2:
            x = x[:, 1:] - x[:, :1]
        result: Array = self._model.predict_proba(x)
        return result


def _given(classes: npt.NDArray[np.int64]) -> Any:
    """Return a classifier for scikit-learn whose decisions are its inputs."""
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Given(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        """Logits that are known already."""

        def fit(self, x: Array, y: Array) -> "Given":
            """Do nothing."""
            return self

        def decision_function(self, x: Array) -> Array:
            """Return the logits."""
            return x[:, 0] if x.shape[1] == 1 else x

        def predict(self, x: Array) -> Any:
            """Return the class with the highest logit."""
            return self.classes_[(x[:, 0] > 0).astype(int) if x.shape[1] == 1 else x.argmax(axis=1)]

    one = Given()
    one.classes_, one.n_features_in_ = classes, 1 if len(classes) == 2 else len(classes)
    return one


def asked_figures(
    valid: tuple[npt.ArrayLike, npt.ArrayLike],
    labels: npt.ArrayLike,
    scores: npt.ArrayLike,
    alpha: float | None,
    calibrate: str | None,
    *,
    several_classes: bool = False,
    classes: Sequence[str] = (),
) -> dict[str, float]:
    """Return the figures of conformal sets and calibrated probabilities that were asked for, as means over the tasks.

    Args:
        valid: Labels and scores of the validation part.
        labels: Labels of the part that is measured.
        scores: Its scores.
        alpha: The share of errors of the sets; None for no sets.
        calibrate: How to calibrate; None for no probabilities.
        several_classes: Whether the columns are classes that exclude each other.
        classes: Names of these classes, of which each has its coverage.
    """
    names = list(classes) if several_classes else ["0", "1"]
    y, s = _columns(labels), _columns(scores)
    figures: dict[str, list[float | None]] = {}
    if alpha is not None:
        for held in Conformal(*valid, several_classes=several_classes).coverage(y, s, alpha):
            each = {f"coverage_{name}": value for name, value in zip(names, held["by_class"], strict=False)}
            for name, value in {"coverage": held["coverage"], **each, "set_size": held["set_size"]}.items():
                figures.setdefault(name, []).append(value)
    if calibrate is not None:
        after = Calibrator(*valid, calibrate, several_classes=several_classes).probabilities(s)
        for suffix, values in (("", s), (f"_{calibrate}", after)):
            for name, measure in (("brier", brier_score), ("ece", calibration_error)):
                figures[f"{name}{suffix}"] = [measure(*one) for one in _tasks(y, values, several_classes)]
    return {name: _mean(values) for name, values in figures.items()}


def _tasks(y: Array, s: Array, several_classes: bool) -> list[tuple[Array, Array]]:
    """Return labels and scores of each task, without the items that have no score."""
    if several_classes:
        known = ~np.isnan(s).any(axis=1)
        return [(y[known], s[known])]
    return [(y[~np.isnan(s[:, t]), t], s[~np.isnan(s[:, t]), t]) for t in range(s.shape[1])]


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None and value == value]
    return float(np.mean(known)) if known else float("nan")


def _logits(scores: Array) -> Array:
    return np.log(np.maximum(scores, _LEAST)) - np.log(np.maximum(1.0 - scores, np.finfo(np.float64).eps / 4))


def _columns(values: npt.ArrayLike) -> Array:
    array = np.asarray(values, dtype=np.float64)
    return array[:, None] if array.ndim == 1 else array
