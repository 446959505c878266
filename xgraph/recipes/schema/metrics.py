"""Metrics by name: those that runs report, partial areas with limits of one's own, and what tables call them."""

import re
from collections.abc import Sequence
from contextlib import suppress

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
    return {name: _partial(name) for name in names if name not in METRICS and name not in _ELSEWHERE}


def _partial(name: str) -> Metric:
    """A partial area by its name, which has its limits as `partial_metrics` writes them."""
    for pattern, limits in _PARTIAL:
        if match := pattern.fullmatch(name):
            with suppress(ValueError, KeyError):  # no number, or one out of range
                return partial_metrics(**dict(zip(limits, map(float, match.groups()), strict=True)))[name]
    raise ValueError(f"no metric {name!r}")


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
