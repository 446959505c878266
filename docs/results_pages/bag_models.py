"""Tables and figures of trees on bags, and of the defaults of bag networks, in ``docs/results/bags.md``."""

from __future__ import annotations

from results_pages.bags import BAGS
from results_pages.data import one, read
from results_pages.formats import markdown, rewritten, share
from results_pages.gains import Gain, repetitions

MODELS = {
    "extra-trees": "extra trees",
    "attention-bce": "attention, cross-entropy (ABMIL)",
    "attention-aucm": "attention, AUC margin",
}


def tree_score(data: str, model: str, metric: str = "ROC-AUC") -> str:
    """Mean ± standard deviation over 50 folds."""
    return rewritten(one(read("bag_models")["rows"], data=data, arm=model)[metric])


def tree_scores(metric: str = "ROC-AUC") -> str:
    """One row per model, one column per set."""
    rows = ([title, *(tree_score(data, model, metric) for data in BAGS)] for model, title in MODELS.items())
    return markdown(["", *BAGS], rows)


def tree_gain(data: str, other: str = "attention-bce", metric: str = "ROC-AUC") -> Gain:
    """Extra trees less a network: the mean difference of each repetition."""
    folds = read("bag_models")["folds"]
    first, second = (folds[f"{data} {model}"][metric] for model in ("extra-trees", other))
    each = repetitions([a - b for a, b in zip(first, second, strict=True)])
    return Gain(data, "", "extra-trees", other, metric, "repetitions", each)


def tree_gains() -> str:
    """Differences of extra trees from attention, with their 95 % intervals over five repetitions."""
    rows = []
    for metric, other in (("ROC-AUC", "attention-bce"), ("ROC-AUC", "attention-aucm"), ("AP", "attention-bce")):
        gains = [tree_gain(data, other, metric) for data in BAGS]
        cells = [f"{share(gain.mean, signed=True)} ({gain.interval})" for gain in gains]
        rows.append([f"{metric}, less {MODELS[other]}", *cells])
    return markdown(["", *BAGS], rows)


def bag_defaults() -> str:
    """What each change of a default gains on the tasks that are not reported."""
    rows = []
    for row in read("bag_defaults")["rows"]:
        text = (
            f"{share(row['gain'], signed=True)} ({share(row['low'], signed=True)} to {share(row['high'], signed=True)})"
        )
        more = [text, str(row["tasks ahead"])] if row["changes"] else ["", ""]
        rows.append([row["arm"], share(row["roc_auc"]), *more])
    return markdown(["change", "ROC-AUC", "difference", "tasks ahead, of 12"], rows)


def bag_default(arm: str, field: str = "gain") -> str:
    """A figure of an arm: its gain, or an end of the interval."""
    return share(one(read("bag_defaults")["rows"], arm=arm)[field], signed=True)
