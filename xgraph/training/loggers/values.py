"""What is logged: settings, the rows of epochs, and final metrics, as plain numbers and words."""

import csv
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from xgraph.training.files.rundir import HISTORY

STAGES = {"pretrain": 0.0, "main": 1.0}
"""The number that stands for a stage, since loggers draw numbers only."""

Values = dict[str, float]


def settings_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a run, as in `to_dict`, by flat names: options as in ``model_hidden_channels``."""
    flat: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, Mapping):
            flat |= {name if key == "name" else f"{name}_{key}": _plain(one) for key, one in value.items()}
        elif name != "logger":
            flat[name] = _plain(value)
    return flat


def epoch_rows(path: Path) -> Iterator[tuple[int, Values]]:
    """Yield the epochs of a run from its `metrics.csv`, with their values."""
    try:
        with (path / HISTORY).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield int(row["epoch"]), epoch_values(row)
    except FileNotFoundError:
        return


def epoch_values(row: Mapping[str, Any]) -> Values:
    """Return what is logged of an epoch: loss, validation metrics, learning rate, seconds, and the stage's number."""
    numbers = {name: _number(value) for name, value in row.items() if name not in ("epoch", "stage")}
    known = {name: value for name, value in numbers.items() if value is not None}
    return {"stage": STAGES.get(str(row.get("stage")), 1.0), **known}


def final_values(metrics: Mapping[str, Any]) -> Values:
    """Return what is logged of the contents of `metrics.json`.

    Metrics of the test part are called ``test_ap``, those of the validation part for the kept epoch ``kept_valid_ap``;
    where they are means over folds, ``test_ap_std`` is the deviation. Those of the baseline begin with ``baseline_``,
    and those of the ensemble of several seeds with ``ensemble_``.
    """
    values: dict[str, Any] = {}
    for prefix in ("", "baseline_", "ensemble_"):
        source = metrics.get(prefix.removesuffix("_")) or {} if prefix else metrics
        for part, name in (("test", "test"), ("valid", "kept_valid")):
            scores = source.get(part) or {}
            values |= {f"{prefix}{name}_{key}": value for key, value in scores.items()}
            values |= {f"{prefix}{name}_{key}_std": value for key, value in (scores.get("std") or {}).items()}
    values["kept_epoch"] = metrics.get("best_epoch", metrics.get("last_epoch"))
    numbers = {name: _number(value) for name, value in values.items()}
    return {name: value for name, value in numbers.items() if value is not None}


def _number(value: object) -> float | None:
    """A finite number; None for anything else, such as a metric that is not defined."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _plain(value: Any) -> Any:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else value
