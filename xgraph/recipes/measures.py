"""Which metrics a report shows, and how scores are measured by them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from xgraph.training.scoring.metrics import METRICS, Metric, partial_metrics

_NUMBER = r"([0-9.e+-]+)"
_PARTIAL = (
    (re.compile(rf"pauc_(?:mcclish|area)_fpr{_NUMBER}"), ("max_fpr",)),
    (re.compile(rf"tpauc_tpr{_NUMBER}_fpr{_NUMBER}"), ("min_tpr", "max_fpr")),
)
_ELSEWHERE = ("accuracy", "ogb_rocauc", "ogb_ap", "ogb_acc")
_TITLES = {
    "ap": "AP",
    "prc_auc": "PRC-AUC",
    "roc_auc": "ROC-AUC",
    "accuracy": "accuracy",
    "ogb_rocauc": "OGB ROC-AUC",
    "ogb_ap": "OGB AP",
    "ogb_acc": "OGB accuracy",
}
EXPECTED = (
    f"names of metrics: {', '.join((*METRICS, *_ELSEWHERE))}, or partial areas with other limits, such as "
    "pauc_mcclish_fpr0.1 or tpauc_tpr0.6_fpr0.4"
)


def further_metrics(names: Sequence[str]) -> dict[str, Metric]:
    """The metrics among those named that runs do not report."""
    found = {}
    for name in names:
        if name in METRICS or name in _ELSEWHERE:
            continue
        metric = _partial(name)
        if metric is None:
            raise ValueError(f"no metric {name!r}")
        found[name] = metric
    return found


def _partial(name: str) -> Metric | None:
    """A partial area by its name, which has its limits as `partial_metrics` writes them."""
    for pattern, limits in _PARTIAL:
        match = pattern.fullmatch(name)
        if match:
            try:
                return partial_metrics(**dict(zip(limits, map(float, match.groups()), strict=True))).get(name)
            except ValueError:  # no number, or one out of range
                return None
    return None


def title(name: str) -> str:
    """What tables call a metric; of two-way areas the least TPR and the highest FPR stand in brackets."""
    for pattern, limits in _PARTIAL:
        match = pattern.fullmatch(name)
        if match and len(limits) == 2:
            return f"TPAUC ({_short(match[1])}, {_short(match[2])})"
        if match:
            return f"OPAUC ≤ {_short(match[1])}{' by area' if 'area' in name else ''}"
    return _TITLES.get(name, name)


def _short(number: str) -> str:
    return number.removeprefix("0") if number.startswith("0.") else number


def measure_scores(
    dataset: str,
    y: npt.NDArray[np.float64],
    scores: npt.NDArray[np.float64],
    several_classes: bool,
    further: Mapping[str, Metric],
) -> dict[str, float]:
    """All metrics of a part, as a run has them."""
    from xgraph.training.scoring.scores import score_split

    values: dict[str, Any] = score_split(dataset, y, scores, further, several_classes=several_classes)
    return values
