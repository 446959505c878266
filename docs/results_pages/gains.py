"""Paired differences of two trainings on the same seeds, folds or draws."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from results_pages.data import one, read
from results_pages.formats import share


@dataclass(frozen=True)
class Gain:
    """What one training gains over another on the same seeds, folds or draws."""

    data: str
    actives: str
    """Positives in the training part."""
    what: str
    against: str
    metric: str
    unit: str
    """What the pairs are: seeds, folds, draws, repetitions."""
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        return statistics.mean(self.values)

    @property
    def half_width(self) -> float:
        """Half of the 95 % interval of the mean by Student's t."""
        from scipy.stats import t

        count = len(self.values)
        return float(t.ppf(0.975, count - 1)) * statistics.stdev(self.values) / math.sqrt(count)

    @property
    def interval(self) -> str:
        low, high = (share(self.mean + sign * self.half_width, signed=True) for sign in (-1, 1))
        return f"{low} to {high}"

    @property
    def verdict(self) -> str:
        """``ahead`` or ``behind`` if the interval excludes zero, else ``undecided``."""
        if abs(self.mean) <= self.half_width:
            return "undecided"
        return "ahead" if self.mean > 0 else "behind"

    @property
    def better(self) -> str:
        return f"{sum(value > 0 for value in self.values)} of {len(self.values)}"


def recipe_values(file: str, member: str, dataset: str, metric: str, parts: str = "parts_of_seeds") -> dict[Any, float]:
    """Test scores of a recipe's member by seed and fold."""
    row = one(read(file)["rows"], name=member, dataset=dataset)
    return {(part.get("seed"), part["part"]): part["test"][metric] for part in row[parts]}


def recipe_gain(
    file: str, members: tuple[str, str], dataset: str, metric: str, parts: str = "parts_of_seeds"
) -> tuple[float, ...]:
    """Differences of two members of a recipe, over the seeds and folds that both have."""
    first, second = (recipe_values(file, member, dataset, metric, parts) for member in members)
    return tuple(value - second[key] for key, value in first.items() if key in second)


def xrisk_values(data: str, arm: str, metric: str) -> dict[int, float]:
    """Test scores of an arm of `benchmarks.xrisk` by seed."""
    return {
        run["seed"]: run["test"][metric] for run in read("xrisk")["runs"] if (run["dataset"], run["arm"]) == (data, arm)
    }


def xrisk_gain(data: str, arm: str, other: str, metric: str) -> tuple[float, ...]:
    """Differences of two arms by seed."""
    first, second = xrisk_values(data, arm, metric), xrisk_values(data, other, metric)
    return tuple(first[seed] - second[seed] for seed in sorted(first.keys() & second.keys()))


def few_gain(arm: str, other: str, metric: str) -> tuple[float, ...]:
    """Differences of two arms of `benchmarks.few_actives` by draw."""
    runs = read("few_actives")["runs"]
    return tuple(a[metric] - b[metric] for a, b in zip(runs[arm], runs[other], strict=True))


def default_gain(split: str, metric: str) -> tuple[float, ...]:
    """SOAP less cross-entropy on the embedded data set by seed."""
    runs = {(run["arm"], run["seed"]): run[metric] for run in read("default")["runs"] if run["case"] == split}
    seeds = sorted({seed for _, seed in runs})
    return tuple(runs["soap", seed] - runs["cross-entropy", seed] for seed in seeds)


REPETITION = 10
"""Folds of one repetition of the cross-validation of bags."""


def bag_folds(data: str, arm: str, metric: str) -> list[float]:
    """Scores of the folds in order; NaN where a test part has one class."""
    return [float(text) for text in read("mil")["folds"][f"{data} {arm}"][metric].split()]


def repetitions(values: Sequence[float]) -> tuple[float, ...]:
    """Means of each ten folds, without the folds of one class."""
    parts = [values[begin : begin + REPETITION] for begin in range(0, len(values), REPETITION)]
    return tuple(statistics.mean(value for value in part if not math.isnan(value)) for part in parts)


def bag_gain(data: str, arm: str, other: str, metric: str = "ROC-AUC") -> tuple[float, ...]:
    """Differences of two arms: the mean of each repetition."""
    first, second = bag_folds(data, arm, metric), bag_folds(data, other, metric)
    return repetitions([a - b for a, b in zip(first, second, strict=True)])
