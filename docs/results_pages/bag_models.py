"""Tables and figures of trees on bags, and of the defaults of bag networks, in ``docs/results/bags.md``."""

from __future__ import annotations

from typing import Any

from results_pages.data import one, read
from results_pages.formats import markdown, share

CLASSIC = ("musk1", "musk2", "elephant", "fox")
MODELS = ("attention, before", "attention", "forest", "extra trees")
WHOLE = ("attention, all of the training part", "extra trees, all of the training part")


def bag_model(data: str, arm: str, metric: str = "roc_auc") -> str:
    """Mean ± standard deviation over folds; nothing if there is no such figure."""
    row = one(read("bag_models")["rows"], data=data, arm=arm)
    return f"{share(row[metric])} ± {share(row[f'{metric}_std'])}" if metric in row else "–"


def bag_models(metric: str = "roc_auc") -> str:
    """One row per model, one column per set."""
    arms = [*MODELS, *(WHOLE if metric != "accuracy" else ())]
    return markdown(["", *CLASSIC], ([arm, *(bag_model(data, arm, metric) for data in CLASSIC)] for arm in arms))


def bag_model_gain(first: str, second: str, data: str = "all") -> dict[str, Any]:
    """Mean difference in ROC-AUC over folds, half its interval, and the number of folds ahead."""
    return dict(one(read("bag_models")["gains"], one=first, other=second)[data])


def bag_model_gains() -> str:
    """Differences of pairs of models, with their 95 % intervals over folds."""
    rows = []
    for pair in read("bag_models")["gains"]:
        cells = [_interval(pair[data]["mean"], pair[data]["half"]) for data in (*CLASSIC, "all")]
        rows.append([f"{pair['one']} less {pair['other']}", *cells])
    return markdown(["", *CLASSIC, "all 40 folds"], rows)


def bag_defaults() -> str:
    """What each change of a default gains on the sets that are not reported."""
    rows = []
    for row in read("bag_defaults")["rows"]:
        gain = "" if row["arm"] == "base" else _interval(row["gain"], row["gain"] - row["low"])
        ahead = "" if row["arm"] == "base" else str(row["tasks ahead"])
        rows.append([row["arm"], share(row["roc_auc"]), gain, ahead])
    return markdown(["change", "ROC-AUC", "difference", "tasks ahead, of 12"], rows)


def bag_default(arm: str, field: str = "gain") -> str:
    """A figure of an arm: its gain, or an end of the interval."""
    return share(one(read("bag_defaults")["rows"], arm=arm)[field], signed=field != "roc_auc")


def bag_accuracies() -> str:
    """Test accuracy by what chose the threshold."""
    titles = {"half": "none: .5", "f1": "best F1", "accuracy": "best accuracy", "balanced": "best balanced accuracy"}
    table = read("bag_defaults")["accuracy"]
    return markdown(
        ["threshold", *table], ([title, *(share(of[name]) for of in table.values())] for name, title in titles.items())
    )


def _interval(mean: float, half: float) -> str:
    return f"{share(mean, signed=True)} ({share(mean - half, signed=True)} to {share(mean + half, signed=True)})"
