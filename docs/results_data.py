"""Reads ``benchmarks/results/*.json`` for the results pages: numbers, spreads, paired differences."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
REPETITION = 10
"""Folds of one repetition of the cross-validation of bags."""
Row = dict[str, Any]


@cache
def read(name: str) -> Row:
    """The content of a results file."""
    content: Row = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return content


def one(rows: Iterable[Row], **wanted: Any) -> Row:
    """The single row with these values."""
    found = [row for row in rows if all(row.get(key) == value for key, value in wanted.items())]
    if len(found) != 1:
        raise LookupError(f"{len(found)} rows have {wanted}")
    return found[0]


# How numbers are written: .331 without the zero, 1,265, 5.4×


def share(value: float, digits: int = 3, signed: bool = False) -> str:
    """A score: ``.331``, or ``+.030`` and ``−.019`` if `signed`."""
    text = f"{abs(value):.{digits}f}"
    text = text[1:] if text.startswith("0.") else text
    negative = value < 0 and any(digit in "123456789" for digit in text)
    return ("−" if negative else "+" if signed else "") + text


def spread(values: Sequence[float], digits: int = 3, signed: bool = False) -> str:
    """Mean ± standard deviation, or the single value."""
    mean = share(statistics.mean(values), digits, signed)
    return mean if len(values) < 2 else f"{mean} ± {share(statistics.stdev(values), digits)}"


def rewritten(text: str, digits: int = 3, signed: bool = False) -> str:
    """A spread that a results file holds as text, such as ``0.8137 ± 0.0081``, in the style of these pages."""
    numbers = [float(Decimal(part).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)) for part in text.split(" ± ")]
    return " ± ".join([share(numbers[0], digits, signed), *(share(number, digits) for number in numbers[1:])])


def number(value: float) -> str:
    """Three significant digits for small numbers, thousands with commas: ``.40``, ``5.82``, ``18.9``, ``1,265``."""
    if value >= 99.5:
        return f"{value:,.0f}"
    text = f"{value:.{1 if value >= 9.995 else 2}f}"
    return text[1:] if text.startswith("0.") else text


def times(value: float) -> str:
    """A ratio: ``5.4×``, ``48×``."""
    return f"{value:.0f}×" if value >= 19.95 else f"{value:.1f}×" if value >= 0.95 else f"{share(value, 2)}×"


# Paired differences


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
    runs = {(run["arm"], run["seed"]): run[metric] for run in read("default")["runs"] if run["split"] == split}
    seeds = sorted({seed for _, seed in runs})
    return tuple(runs["soap", seed] - runs["cross-entropy", seed] for seed in seeds)


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


LONGER = "15 epochs, then 20 of cross-entropy"
KEPT = "15 epochs, then 20 of SOAP, logistic on logits"
RESTARTED = "30 epochs, then with a new head 30 of SOAP, half positives"


def precision_gains() -> list[Gain]:
    """SOAP against cross-entropy of the same length, by average precision."""
    bce, tuned, plain = "cross-entropy", "SOAP, fine-tuned", "SOAP, new output layer"
    few = ("HIV, draws of 1,886 molecules", "43")
    gains = [
        Gain(*few, tuned, bce, "AP", "draws", few_gain(KEPT, LONGER, "ap")),
        Gain(*few, plain, bce, "AP", "draws", few_gain(RESTARTED, "cross-entropy, 60 epochs", "ap")),
    ]
    for network, name in (("", "GINE"), ("-features", "GINE and descriptors")):
        values = recipe_gain("aicures", (f"gine-soap{network}", f"gine-ce{network}"), "aicures", "ap", "parts")
        gains.append(Gain(f"AICures, {name}", "34–47", tuned, bce, "AP", "folds", values))
    for split in ("scaffold", "random"):
        gains.append(
            Gain(f"nci-pains, {split} split", "241", plain, bce, "AP", "seeds", default_gain(split, "test_ap"))
        )
    balanced = "balanced cross-entropy"
    for arm, against in (("bce", bce), ("bce-balanced", balanced)):
        gains.append(
            Gain("MUV-548, GIN", "21", plain, against, "AP", "seeds", xrisk_gain("muv-548", "soap", arm, "ap"))
        )
    for network, name in (("gine", "GINE"), ("ecc", "ECC")):
        values = recipe_gain("soap_muv", (f"{network}-soap", f"{network}-ce"), "muv", "ap")
        gains.append(Gain(f"MUV-600, {name}", "25–27", plain, bce, "AP", "seeds", values))
    for network, name in NETWORKS.items():
        values = recipe_gain("soap_hiv", (f"{network}-soap", f"{network}-ce-longer"), "advprop-hiv", "ap")
        gains.append(Gain(f"HIV, {name}", "1,272", tuned, bce, "AP", "seeds", values))
    return gains


NETWORKS = {"gine": "GINE", "gine-features": "GINE and descriptors", "ecc": "ECC", "ml-mpnn": "ML-MPNN"}


def start_gain() -> Gain:
    """Fine-tuned SOAP against the cross-entropy run that it starts from, on the draws of HIV."""
    values = few_gain(KEPT, "cross-entropy, 15 epochs", "ap")
    return Gain("HIV, draws of 1,886 molecules", "43", "SOAP, fine-tuned", "its start", "AP", "draws", values)


def partial_gains() -> list[Gain]:
    """Losses for partial areas against cross-entropy, on the same batches and on ordinary ones."""
    one_way, two_way = "OPAUC, FPR ≤ .3", "TPAUC, TPR ≥ .5, FPR ≤ .5"
    arms = (("bce", "ce", "cross-entropy"), ("bce-balanced", "ce-balanced", "balanced cross-entropy"))
    losses = (
        ("sopa-s", "SOPA-s", one_way, "opauc_0.3", "pauc_mcclish_fpr0.3"),
        ("sota-s", "SOTA-s", two_way, "tpauc_0.5_0.5", "tpauc_tpr0.5_fpr0.5"),
    )
    gains = []
    for data, title, actives in (
        ("muv-548", "MUV-548", "21"),
        ("tox21", "Tox21, NR-AR", "about 250"),
        ("ogbg-molhiv", "ogbg-molhiv", "1,232"),
    ):
        for loss, name, metric, key, recipe_key in losses:
            for other, recipe_other, against in arms:
                if data == "tox21":
                    values = recipe_gain("pauc", (loss, recipe_other), data, recipe_key)
                else:
                    values = xrisk_gain(data, loss, other, key)
                gains.append(Gain(title, actives, name, against, metric, "seeds", values))
    return gains


def auc_gains() -> list[Gain]:
    """AUC margin against cross-entropy, by ROC-AUC."""
    bce, name = "cross-entropy", "AUC margin"
    values = recipe_gain("molhiv", ("gine-auc-margin", "gine-ce"), "ogbg-molhiv", "ogb_rocauc")
    gains = [Gain("ogbg-molhiv, GINE", "1,232", name, bce, "ROC-AUC", "seeds", values)]
    for data in ("bbbp", "bace", "clintox", "tox21", "sider"):
        values = recipe_gain("moleculenet", ("gine-auc", "gine-ce"), data, "roc_auc")
        gains.append(Gain(f"{data}, GINE", "", name, bce, "ROC-AUC", "seeds", values))
    for pooling, title in (("attention", "attention"), ("smx", "smoothed max")):
        for data in ("musk1", "musk2", "elephant", "fox", "protein"):
            values = bag_gain(data, f"{pooling}-aucm", f"{pooling}-bce")
            gains.append(Gain(f"{data}, bags, {title}", "", name, bce, "ROC-AUC", "repetitions", values))
    return gains


def all_gains() -> list[Gain]:
    """Every comparison of an objective with cross-entropy."""
    return precision_gains() + partial_gains() + auc_gains()


def verdicts(verdict: str) -> int:
    """How many comparisons end so."""
    return sum(gain.verdict == verdict for gain in all_gains())
