"""Metrics by name: those that runs report, partial areas with other limits, and their titles in tables."""

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
    "tied": "tied",
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
    """Return the named metrics that runs do not report by themselves."""
    return {name: _partial(name) for name in names if name not in METRICS and name not in _ELSEWHERE}


def _partial(name: str) -> Metric:
    """Return a partial area from its name, which contains the limits as in `partial_metrics`."""
    for pattern, limits in _PARTIAL:
        if match := pattern.fullmatch(name):
            with suppress(ValueError, KeyError):  # not a number, or out of range
                return partial_metrics(**dict(zip(limits, map(float, match.groups()), strict=True)))[name]
    raise ValueError(f"unknown metric {name!r}")


def title(name: str) -> str:
    """Return the title of a metric in tables; two-way areas have the lowest TPR and the highest FPR in brackets."""
    for pattern, limits in _PARTIAL:
        match = pattern.fullmatch(name)
        if match and len(limits) == 2:
            return f"TPAUC ({_short(match[1])}, {_short(match[2])})"
        if match:
            return f"OPAUC ≤ {_short(match[1])}{' by area' if 'area' in name else ''}"
    return _TITLES.get(name, name)


def _short(number: str) -> str:
    return number.removeprefix("0") if number.startswith("0.") else number
