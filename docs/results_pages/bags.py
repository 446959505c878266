"""Tables and figures of ``docs/results/bags.md``."""

from __future__ import annotations

from typing import Any

from results_pages.data import one, read
from results_pages.formats import markdown, number, rewritten, share, times
from results_pages.gains import Gain, bag_gain

BAGS = ["musk1", "musk2", "elephant", "fox", "protein"]
ARMS = {
    "attention-bce": "attention, cross-entropy (ABMIL)",
    "mean-bce": "mean, cross-entropy",
    "max-bce": "max, cross-entropy",
    "smx-bce": "smoothed max, cross-entropy",
    "attention-aucm": "attention, AUC margin",
    "smx-aucm": "smoothed max, AUC margin",
    "midam-att": "MIDAM-att, 4 instances",
    "midam-smx": "MIDAM-smx, 4 instances",
    "midam-att-slow": "MIDAM-att, 4 instances, slower state",
    "midam-smx-slow": "MIDAM-smx, 4 instances, slower state",
    "sota-att": "attention, 4 instances, SOTA-s",
}
WHOLE = {
    "midam-att": "attention-aucm",
    "midam-att-slow": "attention-aucm",
    "midam-smx": "smx-aucm",
    "midam-smx-slow": "smx-aucm",
}


def bag_score(data: str, arm: str, metric: str = "ROC-AUC") -> str:
    return rewritten(one(read("mil")["rows"], data=data, arm=arm)[metric])


def bags_scores(metric: str = "ROC-AUC") -> str:
    return markdown(
        ["", *BAGS], ([title, *(bag_score(data, arm, metric) for data in BAGS)] for arm, title in ARMS.items())
    )


def gain_of_bags(data: str, arm: str) -> Gain:
    """A sampled arm less the same loss on whole bags."""
    return Gain(data, "", arm, WHOLE[arm], "ROC-AUC", "repetitions", bag_gain(data, arm, WHOLE[arm]))


def bag_difference(data: str, arm: str) -> str:
    """Mean and 95 % interval over five repetitions."""
    gain = gain_of_bags(data, arm)
    return f"{share(gain.mean, signed=True)} ({gain.interval})"


def bags_sampled() -> str:
    rows = ([data, *(bag_difference(data, arm) for arm in WHOLE)] for data in BAGS)
    return markdown(["", *(ARMS[arm] for arm in WHOLE)], rows)


def bag_ms(
    shape: str, model: str, instances: str | int = "all", library: str = "xgraph", way: str = "one batch"
) -> str:
    return number(bag_cost(shape, model, instances, library, way)["ms"])


def bag_times(
    shape: str, model: str, instances: str | int = "all", library: str = "libauc", way: str = "one batch"
) -> str:
    return times(bag_cost(shape, model, instances, library, way)["× ours"])


def bag_cost(shape: str, model: str, instances: str | int, library: str, way: str = "one batch") -> dict[str, Any]:
    return one(read("mil_speed")["rows"], shape=shape, model=model, instances=instances, library=library, **{"as": way})


def bags_time() -> str:
    head = ["bags", "model", "instances per step", "ours, ms", "peer", "peer, ms", "", "ours, MiB", "peer, MiB"]
    names = {"libauc": "LibAUC", "torchmil": "torchmil"}
    ours: dict[str, Any] = {}
    rows = []
    for row in read("mil_speed")["rows"]:
        if row["library"] == "xgraph":
            ours = row
            continue
        shape = "1 × 10,000, 15 × 100" if row["shape"] == "ragged" else row["shape"]
        peer = names[row["library"]] + ("" if row["as"] == "one batch" else f", {row['as'].replace('sixteen', '16')}")
        cells = [shape, row["model"], str(row["instances"]), number(ours["ms"]), peer, number(row["ms"])]
        rows.append([*cells, times(row["× ours"]), number(ours["mib"]), number(row["mib"])])
    return markdown(head, rows)


PUBLISHED_BAGS = {
    "musk2": {
        "AUC-M (att)": (0.675, 0.783, 0.867),
        "MIDAM (smx)": (0.525, 0.667, 0.8),
        "MIDAM (att)": (0.6, 0.717, 0.819),
        "SOTAs (att)": (0.6, 0.683, 0.819),
        "SONT (att)": (0.7, 0.8, 0.867),
    },
    "fox": {
        "AUC-M (att)": (0.032, 0.253, 0.444),
        "MIDAM (smx)": (0.048, 0.265, 0.449),
        "MIDAM (att)": (0.016, 0.249, 0.509),
        "SOTAs (att)": (0.024, 0.278, 0.477),
        "SONT (att)": (0.12, 0.343, 0.578),
    },
}
WINDOWS = ["TPAUC (.5, .5)", "TPAUC (.3, .7)", "TPAUC (.1, .9)"]


def bags_two_way() -> str:
    rows = []
    for data, figures in PUBLISHED_BAGS.items():
        for arm in ("attention-bce", "attention-aucm", "midam-att", "midam-smx", "sota-att"):
            rows.append([data, ARMS[arm], *(bag_score(data, arm, window) for window in WINDOWS)])
        rows += [
            [data, f"*published: {name}*", *(f"*{share(figure)}*" for figure in three)]
            for name, three in figures.items()
        ]
    return markdown(["", "", *WINDOWS], rows)
