"""Tables and figures of trees beside attention on the classic bags, in ``docs/results/bags.md``."""

from __future__ import annotations

from results_pages.bags import ARMS, BAGS
from results_pages.data import one, read
from results_pages.formats import markdown, rewritten, share
from results_pages.gains import Gain, repetitions

TREES = {"extra-trees": "extra-trees on statistics", "forest": "random forest on statistics"}
NETWORK = "attention-bce"


def bag_trees(metric: str = "ROC-AUC") -> str:
    """Trees and attention on each set, and what the trees gain over attention in pairs."""
    trees = {arm: title for arm, title in TREES.items() if arm not in read("bag_models")["not_run"]}
    arms = {**trees, NETWORK: ARMS[NETWORK]}
    rows = [
        [title, *(rewritten(one(read("bag_models")["rows"], data=data, arm=arm)[metric]) for data in BAGS)]
        for arm, title in arms.items()
    ]
    for arm, title in trees.items():
        gains = (gain_of_trees(data, arm, metric) for data in BAGS)
        rows.append(
            [f"{title}, less attention", *(f"{share(one.mean, signed=True)} ({one.interval})" for one in gains)]
        )
    return markdown(["", *BAGS], rows)


def bag_tree(data: str, arm: str = "extra-trees") -> str:
    """Mean ROC-AUC of trees on a set."""
    return rewritten(one(read("bag_models")["rows"], data=data, arm=arm)["ROC-AUC"]).split(" ")[0]


def gain_of_trees(data: str, arm: str, metric: str = "ROC-AUC") -> Gain:
    """Trees less attention with cross-entropy, on the same folds."""
    folds = read("bag_models")["folds"]
    ours, other = (folds[f"{data} {name}"][metric] for name in (arm, NETWORK))
    values = repetitions([a - b for a, b in zip(ours, other, strict=True)])
    return Gain(data, "", arm, NETWORK, metric, "repetitions", values)


def verdicts_of_trees(arm: str, verdict: str) -> str:
    """The sets on which trees are ahead of attention, behind, or undecided."""
    names = [data for data in BAGS if gain_of_trees(data, arm).verdict == verdict]
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]])) or "none"
