"""Tables and figures of ``docs/results/x-risks.md``, on partial AUC."""

from __future__ import annotations

from results_pages.data import one, read
from results_pages.formats import markdown, share, spread
from results_pages.gains import recipe_values, xrisk_values

XRISK = {
    "bce": "cross-entropy",
    "bce-balanced": "balanced cross-entropy",
    "soap": "`soap`",
    "sopa": "`sopa`",
    "sopa-s": "`sopa-s`",
    "sota-s": "`sota-s`",
    "staco": "`staco`",
    "auc-margin": "`auc-margin`",
    "auc-pairwise": "`auc-pairwise`",
}
AREAS = {
    "opauc_0.3": "OPAUC ≤ .3",
    "opauc_0.5": "OPAUC ≤ .5",
    "tpauc_0.6_0.4": "TPAUC (.6, .4)",
    "tpauc_0.5_0.5": "TPAUC (.5, .5)",
    "ap": "AP",
    "roc_auc": "ROC-AUC",
}
ZHU = {
    "muv-548": {
        "bce": (0.801, 0.820, 0.161, 0.469),
        "auc-pairwise": (0.788, 0.802, 0.260, 0.444),
        "auc-margin": (0.796, 0.808, 0.114, 0.433),
        "sopa": (0.819, 0.825, None, None),
        "sopa-s": (0.845, 0.841, None, None),
        "sota-s": (None, None, 0.327, 0.526),
    },
    "ogbg-molhiv": {},
}
"""Zhu et al., ICML 2022, Tables 3 and 4: several splits, tuned."""


def xrisk_score(data: str, arm: str, metric: str) -> str:
    return spread(list(xrisk_values(data, arm, metric).values()))


def xrisk_scores(data: str) -> str:
    rows = []
    arms = dict.fromkeys(run["arm"] for run in read("xrisk")["runs"] if run["dataset"] == data)
    for arm in arms:
        rows.append([XRISK[arm], *(xrisk_score(data, arm, key) for key in AREAS)])
        if arm in ZHU[data]:
            figures = ("" if figure is None else f"*{share(figure)}*" for figure in ZHU[data][arm])
            rows.append(["*published*", *figures, "", ""])
    return markdown(["", *AREAS.values()], rows)


def tox21_scores() -> str:
    keys = {
        "pauc_mcclish_fpr0.3": "OPAUC ≤ .3",
        "tpauc_tpr0.5_fpr0.5": "TPAUC (.5, .5)",
        "ap": "AP",
        "roc_auc": "ROC-AUC",
    }
    names = {
        "ce": ("cross-entropy", "CE"),
        "ce-balanced": ("balanced cross-entropy", ""),
        "sopa-s": ("`sopa-s`", "SOPA-s"),
        "sota-s": ("`sota-s`", "SOTA-s"),
    }
    rows = []
    for member, (title, published) in names.items():
        values = {key: list(recipe_values("pauc", member, "tox21", key).values()) for key in keys}
        rows.append([title, *(spread(some) for some in values.values())])
        if published:
            figures = one(read("pauc")["published"], name=published)["values"]
            rows.append(["*published*", "", *(f"*{share(figures[key][0])}*" if key in figures else "" for key in keys)])
    return markdown(["", *keys.values()], rows)
