"""Tables of ``docs/results/constraints.md``."""

from __future__ import annotations

from typing import Any

from results_pages.data import read
from results_pages.formats import markdown, share

_FAIR = {"roc_auc": "ROC AUC", "statistical_parity": "parity", "equal_opportunity": "equal opportunity"}
_FAIR |= {"roc_gap": "largest difference"}
_KEPT = {"rise_train": "rise, training part", "rise_test": "rise, test part"}
_KEPT |= {"old_roc_auc": "ROC AUC of old endpoints", "new_roc_auc": "ROC AUC of the newest"}


def fairness() -> str:
    """German credit: one row per network and arm."""
    names = {0.0: "compared only", 10.0: "`--fair-column`"}
    rows = [[r["model"].upper(), names[r["rho"]], *_cells(r, _FAIR)] for r in _rows("german")]
    return markdown(["network", "arm", *_FAIR.values()], rows)


def forgetting() -> str:
    """Tox21: one row per arm."""
    names = {1e-6: "none", 10.0: "`--retain`"}
    return markdown(["constraint", *_KEPT.values()], [[names[r["rho"]], *_cells(r, _KEPT)] for r in _rows("tox21")])


def constrained(data: str, figure: str, rho: float, model: str = "") -> str:
    """One mean of the tables."""
    (row,) = (r for r in _rows(data) if r["rho"] == rho and model in ("", r["model"]))
    return share(row[figure])


def _rows(data: str) -> list[dict[str, Any]]:
    return [row for row in read("constraints")["rows"] if row["data"] == data]


def _cells(row: dict[str, Any], names: dict[str, str]) -> list[str]:
    return [f"{share(row[name])} ± {share(row[f'{name} std'])}" for name in names]
