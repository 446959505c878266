"""Tables and numbers of the results pages, made from ``benchmarks/results/*.json``.

A page holds blocks that this script fills in::

    <!-- block: losses_time() -->
    ...
    <!-- end -->

and sentences whose figures are checked, each followed by the expression that gives it::

    SOAP takes .68<!-- = loss_ms("soap", 512) --> ms.

A figure that no results file holds, such as a published one, is followed by itself: ``.516<!-- = ".516" -->``.
``python docs/result_tables.py`` rewrites the blocks and reports figures that differ; ``--check`` changes nothing and
fails if anything differs. The expressions are the functions of this module and of `results_data`.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import results_data
from results_data import (
    NETWORKS,
    ROOT,
    Gain,
    bag_gain,
    number,
    one,
    read,
    recipe_values,
    rewritten,
    share,
    spread,
    times,
    xrisk_values,
)

BLOCK = re.compile(r"(<!-- block: (?P<code>.+?) -->\n)(?P<body>.*?)(<!-- end -->)", re.DOTALL)
FIGURE = re.compile(r"<!-- = (.+?) -->")


def pages() -> list[Path]:
    """Every page that may hold blocks or figures."""
    return [ROOT / "README.md", ROOT / "benchmarks" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def filled(text: str) -> str:
    """The text with its blocks made anew."""

    def replace(match: re.Match[str]) -> str:
        return f"{match[1]}{value(match['code'])}\n{match[4]}"

    return BLOCK.sub(replace, text)


def differences(text: str) -> Iterator[str]:
    """Sentences whose figures are not what the results say."""
    for match in FIGURE.finditer(text):
        expected = value(match[1])
        before = text[: match.start()]
        if not before.endswith(expected):
            line = before.count("\n") + 1
            yield f"line {line}: {before[-30:]!r} should end with {expected!r}, the value of {match[1]}"


def value(code: str) -> str:
    """What an expression gives."""
    return str(eval(code, {**vars(results_data), **globals()}))  # the pages are our own


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, in which numbers are not torn from their units and deviations."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(map(_unbroken, cells)) + " |" for cells in rows]
    return "\n".join(lines)


def _unbroken(text: str) -> str:
    text = re.sub(r" (±|to) (?=[+−.\d])", "\u00a0\\1\u00a0", text)
    return re.sub(r"(?<=\d) (?=(?:ms|s|MiB|molecules/s|%|of \d)(?:\W|$))", "\u00a0", text)


# How it was measured


def measured(name: str) -> str:
    """Date, code, machine and versions of a results file."""
    content = read(name)
    parts = [f"`benchmarks/results/{name}.json`"]
    environment = content.get("environments", [content])[0]
    machine, versions = environment.get("machine"), environment.get("versions", {})
    if content.get("date"):
        parts.append(f"measured on {content['date']}")
    commit = content.get("commit") or environment.get("commit")
    parts.append(f"code of commit `{commit}`" if commit else "the file names no commit")
    if machine and "cpu" in machine:
        gpu = f"GPU {machine['gpu']}" if machine["gpu"] else "no GPU"
        parts.append(f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {gpu}")
    elif machine:
        parts.append(f"{machine['cpus']} cores, {machine['threads']} thread per run, {machine['device'].upper()}")
    shown = ("python", "torch", "torch-geometric", "rdkit", "numpy", "scikit-learn")
    names = {"python": "Python", "torch-geometric": "PyG", "rdkit": "RDKit", "numpy": "NumPy"}
    if versions:
        parts.append(", ".join(f"{names.get(key, key)} {versions[key]}" for key in shown if key in versions))
    return "; ".join(parts) + "."


# Losses

SHAPES = [(64, 1), (512, 1), (4096, 1), (64, 128), (512, 128), (4096, 128)]
LOSSES = [
    "bce",
    "focal",
    "soap",
    "sopa",
    "sopa-s",
    "sota-s",
    "staco",
    "auc-margin",
    "auc-pairwise",
    "kl-dro",
    "group-dro",
]


def _loss(loss: str, batch: int, tasks: int = 1) -> dict[str, Any]:
    return one(read("losses")["rows"], loss=loss, batch=batch, tasks=tasks)


def loss_ms(loss: str, batch: int, tasks: int = 1, library: str = "xgraph") -> str:
    return number(_loss(loss, batch, tasks)[f"{library} ms"])


def loss_times(loss: str, batch: int, tasks: int = 1) -> str:
    """How many times faster than LibAUC."""
    return times(_loss(loss, batch, tasks)["times faster"])


def _loss_table(cell: Any) -> str:
    head = ["loss", *(f"{batch:,}" + (f" × {tasks}" if tasks > 1 else "") for batch, tasks in SHAPES)]
    return markdown(head, ([f"`{loss}`", *(cell(_loss(loss, *shape)) for shape in SHAPES)] for loss in LOSSES))


def losses_time() -> str:
    def cell(row: dict[str, Any]) -> str:
        peer = row["LibAUC ms"]
        return number(row["xgraph ms"]) + (f" ({times(row['times faster'])})" if peer else "")

    return _loss_table(cell)


def losses_relative() -> str:
    return _loss_table(lambda row: f"{row['times our BCE']:.1f}")


def memory_mib(loss: str, library: str = "xgraph") -> str:
    return f"{one(read('losses')['memory'], loss=loss)[f'{library} MiB']:,.0f}"


def losses_memory() -> str:
    rows = []
    for row in read("losses")["memory"]:
        peer = row["libauc MiB"]
        rows.append([f"`{row['loss']}`", f"{row['xgraph MiB']:.0f}", "" if peer is None else f"{peer:,.0f}"])
    return markdown(["loss", "xgraph, MiB", "LibAUC, MiB"], rows)


CHECKS = {
    "finite at ±10": "finite at ±10",
    "finite at ±1e4": "at ±10,000",
    "finite at ±10, float16": "at ±10 in float16",
    "gradients after ±1e4": "still learns afterwards",
    "resumes to the bit": "resumes exactly",
    "NaN is missing": "NaN is a missing label",
    "one class": "batch of one class",
}


def robustness() -> str:
    rows = read("robustness")["rows"]
    ours = [row for row in rows if row["library"] == "xgraph"]
    every = [
        f"xgraph, all {len(ours)} losses",
        *("yes" if all(row[c] == "yes" for row in ours) else "no" for c in CHECKS),
    ]
    peers = [[f"LibAUC, `{row['loss']}`", *(row[c] for c in CHECKS)] for row in rows if row["library"] == "libauc"]
    return markdown(["", *CHECKS.values()], [every, *peers])


# Sampling

GRAPHS = {
    "power-law": "power law, 25 M edges",
    "tolokers": "tolokers",
    "coauthor-physics": "coauthor-physics",
    "products-sized": "products-sized",
}
FANOUTS = ["15-10-5", "10-10-10", "1-1-1"]


def _sampling(graph: str, fanouts: str, what: str, library: str = "xgraph") -> dict[str, Any]:
    return one(read("sampling")["rows"], graph=graph, fanouts=fanouts, what=what, library=library)


def sampling_ms(graph: str, fanouts: str, what: str = "sampler", library: str = "xgraph") -> str:
    return number(_sampling(graph, fanouts, what, library)["ms"])


def sampling_times(graph: str, fanouts: str, what: str = "sampler") -> str:
    return times(_sampling(graph, fanouts, what, "torch-sparse")["times faster"])


def sampling_mib(graph: str, fanouts: str, what: str = "sampler", library: str = "xgraph") -> str:
    return f"{_sampling(graph, fanouts, what, library)['MiB']:,.0f}"


def _fans(fanouts: str) -> str:
    return fanouts.replace("-", ",\u00a0")


def sampling_time(graphs: Sequence[str] = ("power-law", "tolokers", "coauthor-physics")) -> str:
    head = ["graph", "fan-outs", "sampler", "torch-sparse", "", "loader", "PyG's loader", ""]
    rows = []
    for graph in graphs:
        for fanouts in FANOUTS:
            cells = [GRAPHS[graph], _fans(fanouts)]
            for what in ("sampler", "loader"):
                cells += [sampling_ms(graph, fanouts, what), sampling_ms(graph, fanouts, what, "torch-sparse")]
                cells.append(sampling_times(graph, fanouts, what))
            rows.append(cells)
    return markdown(head, rows)


def sampling_labor() -> str:
    head = ["graph", "fan-outs", "uniform, ms", "LABOR, ms", "nodes of LABOR / uniform"]
    rows = []
    for graph, title in GRAPHS.items():
        for fanouts in FANOUTS:
            labor, uniform = _sampling(graph, fanouts, "labor"), _sampling(graph, fanouts, "sampler")
            ratio = share(labor["nodes"] / uniform["nodes"], 2)
            rows.append([title, _fans(fanouts), number(uniform["ms"]), number(labor["ms"]), ratio])
    return markdown(head, rows)


def sampling_memory() -> str:
    head = ["graph", "fan-outs", "sampler", "torch-sparse", "loader", "PyG's loader"]
    rows = []
    for graph, title in GRAPHS.items():
        for fanouts in FANOUTS:
            cells = [title, _fans(fanouts)]
            for what in ("sampler", "loader"):
                cells += [sampling_mib(graph, fanouts, what, name) for name in ("xgraph", "torch-sparse")]
            rows.append(cells)
    return markdown(head, rows)


# Feature momentum

SETS = {
    "tolokers": "tolokers, ROC-AUC",
    "noisy": "generated, accuracy",
    "musae-github": "musae-github, accuracy",
    "coauthor-physics": "coauthor-physics, accuracy",
}
FANS = ["1", "2", "5", "10"]


def _momentum(data: str, layers: int, fan_out: str, arm: str) -> dict[str, Any] | None:
    rows = read("feature_momentum")["rows"]
    found = [
        row for row in rows if (row["data"], row["layers"], row["fan_out"], row["arm"]) == (data, layers, fan_out, arm)
    ]
    return found[0] if found else None


def momentum(data: str, layers: int, fan_out: int | str, arm: str = "momentum", seeds: bool = False) -> str:
    """A test score: mean ± standard deviation, with the number of seeds if there are not five or `seeds`."""
    row = _momentum(data, layers, str(fan_out), arm)
    if row is None:
        return ""
    count = row["seeds"]
    return rewritten(row["test"]) + (f" ({count})" if count != 5 or seeds else "")


def momentum_mean(data: str, layers: int, fan_out: int | str, arm: str = "momentum") -> str:
    return momentum(data, layers, fan_out, arm).split(" ")[0]


def full_runs(data: str, layers: int) -> list[float]:
    """Test scores of the runs on all neighbours, by seed."""
    runs = read("feature_momentum")["runs"]
    return [run["test"] for run in runs if (run["dataset"], run["arm"], run["num_layers"]) == (data, "full", layers)]


def momentum_scores() -> str:
    head = ["", "layers", "", "1 neighbour", "2", "5", "10", "all neighbours"]
    arms = {"plain": "plain", "exact": "plain, exact first layer", "momentum": "momentum"}
    rows = []
    for data, title in SETS.items():
        for layers in sorted({row["layers"] for row in read("feature_momentum")["rows"] if row["data"] == data}):
            for arm, name in arms.items():
                cells = [momentum(data, layers, fan, arm) for fan in FANS]
                if any(cells):
                    full = momentum(data, layers, "all", "full") if arm == "momentum" else ""
                    rows.append([title, str(layers), name, *cells, full])
                    title = ""
    return markdown(head, rows)


def momentum_chosen() -> str:
    head = ["", "layers", "neighbours", "γ", "gradient", "learning rate"]
    rows = []
    for row in read("feature_momentum")["rows"]:
        if row["arm"] == "momentum" and row["layers"] <= 3:
            gradient = row["gradient"].replace("_", "-")
            rows.append(
                [
                    SETS[row["data"]].split(",")[0],
                    str(row["layers"]),
                    row["fan_out"],
                    f"{row['gamma']:g}",
                    gradient,
                    f"{row['lr']:g}",
                ]
            )
    return markdown(head, rows)


COSTED = {"reddit2-sized": "Reddit2's size", "noisy": "generated, 30,000 nodes", "tolokers": "tolokers, 11,758 nodes"}


def _cost(data: str, arm: str, fan_out: str) -> dict[str, Any]:
    return one(read("feature_momentum")["costs"], data=data, arm=arm, fan_out=fan_out)


def step_ms(data: str, arm: str, fan_out: str) -> str:
    return number(_cost(data, arm, fan_out)["ms"])


def step_times(data: str, fan_out: str = "1,1,1", arm: str = "momentum") -> str:
    """How many times faster than plain [25, 10, 10]."""
    return times(_cost(data, "plain", "25,10,10")["ms"] / _cost(data, arm, fan_out)["ms"])


def momentum_costs() -> str:
    head = ["graph", "neighbours", "", "ms per step", "faster than [25, 10, 10]", "MiB"]
    arms = [
        ("25,10,10", "plain"),
        ("10,10,10", "plain"),
        ("5,5,5", "plain"),
        ("1,1,1", "plain"),
        ("1,1,1", "momentum"),
        ("2,2,2", "momentum"),
    ]
    rows = []
    for data, title in COSTED.items():
        for fan_out, arm in arms:
            row = _cost(data, arm, fan_out)
            rows.append(
                [
                    title,
                    fan_out.replace(",", ", "),
                    arm,
                    number(row["ms"]),
                    step_times(data, fan_out, arm),
                    f"{row['memory_mib']:,.0f}",
                ]
            )
            title = ""
    return markdown(head, rows)


# Bags

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
    return number(_bag_cost(shape, model, instances, library, way)["ms"])


def bag_times(
    shape: str, model: str, instances: str | int = "all", library: str = "libauc", way: str = "one batch"
) -> str:
    return times(_bag_cost(shape, model, instances, library, way)["× ours"])


def _bag_cost(shape: str, model: str, instances: str | int, library: str, way: str = "one batch") -> dict[str, Any]:
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


# Objectives


def gains_table(gains: Iterable[Gain]) -> str:
    """Paired differences; a column whose cells are all the same, or partly empty, is left out."""
    columns: dict[str, list[str]] = {}
    for gain in gains:
        cells = {
            "data": gain.data,
            "training positives": gain.actives,
            "loss": gain.what,
            "against": gain.against,
            "metric": gain.metric,
            "difference": share(gain.mean, signed=True),
            "95 % interval": gain.interval,
            "better": f"{gain.better} {gain.unit}",
            "verdict": gain.verdict,
        }
        for name, text in cells.items():
            columns.setdefault(name, []).append(text)
    kept = {
        name: texts
        for name, texts in columns.items()
        if all(texts) and (len(set(texts)) > 1 or name in ("better", "verdict"))
    }
    return markdown([*kept], zip(*kept.values(), strict=True))


def gain(gains: Sequence[Gain], data: str, what: str = "", against: str = "") -> Gain:
    """The single comparison with these words."""
    found = [g for g in gains if g.data == data and what in g.what and against in ("", g.against)]
    if len(found) != 1:
        raise LookupError(f"{len(found)} comparisons on {data}, {what}")
    return found[0]


def diff(gains: Sequence[Gain], data: str, what: str = "", against: str = "") -> str:
    return share(gain(gains, data, what, against).mean, signed=True)


def default_scores() -> str:
    rows = []
    names = {"soap": "SOAP", "cross-entropy": "cross-entropy"}
    for row in read("default")["rows"]:
        scores = (rewritten(row[key]) for key in ("valid_ap", "test_ap", "test_roc_auc"))
        rows.append([row["split"], names[row["arm"]], str(row["seeds"]), *scores])
    return markdown(["split", "objective", "seeds", "validation AP", "test AP", "test ROC-AUC"], rows)


def few_scores() -> str:
    runs = read("few_actives")["runs"]
    rows = (
        [name, *(spread([draw[key] for draw in draws]) for key in ("ap", "roc_auc")), str(len(draws))]
        for name, draws in runs.items()
    )
    return markdown(["training", "AP", "ROC-AUC", "draws"], rows)


def few_score(name: str, metric: str = "ap") -> str:
    return spread([draw[metric] for draw in read("few_actives")["runs"][name]])


# Partial AUC

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


# Molecules


def member(file: str, name: str, dataset: str, metric: str, seeds: str = "single_seeds") -> str:
    """Mean ± standard deviation of a recipe's row."""
    row = one(read(file)["rows"], name=name, dataset=dataset)
    figures = row[seeds]["test"]
    deviation = figures["std"][metric]
    return share(figures["mean"][metric]) + (f" ± {share(deviation)}" if deviation is not None else "")


AICURES = {
    "forest": "random forest, Morgan (v)",
    "extra-trees": "extra trees, all features (v)",
    "svm": "support vectors, descriptors and MACCS",
    "three-fitted": "these three, mean rank (v)",
    "tanimoto-torsion": "support vectors, Tanimoto kernel on torsions",
    "extra-trees-rdkit": "extra trees, descriptors (v)",
    "fitted": "all fifteen fitted members, mean rank (v)",
    "gine-ce": "GINE, cross-entropy",
    "gine-soap": "GINE, SOAP",
    "gine-ce-features": "GINE with descriptors and MACCS, cross-entropy",
    "gine-soap-features": "GINE with descriptors and MACCS, SOAP",
    "networks": "both networks with descriptors, mean rank",
    "ensemble": "fifteen fitted members and both networks (the submission) (v)",
}


def aicures_scores() -> str:
    rows = []
    for name, title in AICURES.items():
        members = one(read("aicures")["rows"], name=name)["members"]
        runs = str(sum(map(len, members.values())))
        scores = [member("aicures", name, "aicures", key, "all_seeds") for key in ("ap", "prc_auc", "roc_auc")]
        rows.append([title, runs, *scores])
    for entry in read("aicures")["published"][:5]:
        values = entry["values"]
        cells = [
            f"*{share(values[key][0])} ± {share(values[key][1])}*" if key in values else ""
            for key in ("ap", "prc_auc", "roc_auc")
        ]
        rows.append([f"*published: {entry['name']}*", "", *cells])
    return markdown(["", "runs per fold", "AP", "PRC-AUC", "ROC-AUC"], rows)


def aicures_pretrained() -> str:
    names = {
        "start": "15 epochs of cross-entropy from the encoder",
        "gine-ce": "then 20 of cross-entropy",
        "gine-soap": "then 20 of SOAP",
    }
    rows = []
    for name, title in names.items():
        folds = one(read("aicures_pretrained")["rows"], name=name)["folds"]
        rows.append([title, *(spread([fold[key] for fold in folds]) for key in ("ap", "roc_auc"))])
    names = {
        "gine-start-features": "3 × 64 without pretraining, 15 epochs",
        "gine-ce-features": "then 20 of cross-entropy",
        "gine-soap-features": "then 20 of SOAP",
    }
    for name, title in names.items():
        rows.append([title, *(member("aicures", name, "aicures", key) for key in ("ap", "roc_auc"))])
    return markdown(["", "AP", "ROC-AUC"], rows)


HIV = {
    "ce": "cross-entropy",
    "ce-longer": "cross-entropy, longer",
    "focal": "focal loss",
    "auc-margin": "AUC margin",
    "soap": "SOAP",
}


def hiv_scores(metric: str = "ap") -> str:
    known = {row["name"] for row in read("soap_hiv")["rows"]}
    rows = []
    for loss, title in HIV.items():
        cells = [
            member("soap_hiv", f"{net}-{loss}", "advprop-hiv", metric) if f"{net}-{loss}" in known else ""
            for net in NETWORKS
        ]
        rows.append([title, *cells])
    if metric == "prc_auc":
        published = {entry["name"]: entry["values"]["prc_auc"] for entry in read("soap_hiv")["published"]}
        names = ("GINE, CE", "", "MPNN, CE", "ML-MPNN, CE")
        rows.append(
            ["*published: cross-entropy*", *(f"*{share(published[name][0])}*" if name else "" for name in names)]
        )
    return markdown(["", *NETWORKS.values()], rows)


MOLHIV = {
    "gine-ce": ("GINE 5 × 64, cross-entropy, 40 epochs", "single_seeds"),
    "gine-auc-margin": ("then 10 epochs of AUC margin", "single_seeds"),
    "forest": ("random forest of 500 trees, Morgan and MACCS", "single_seeds"),
    "forest-all": ("the same with torsions and descriptors", "single_seeds"),
    "all": ("both forests and the network, mean rank, one seed each", "single_seeds"),
    "of all seeds": ("the same, all seeds together", "all_seeds"),
}
PUBLISHED_MOLHIV = [
    ("DeeperGCN, AUC margin (DeepAUC), 10 seeds", ".816 ± .006", ""),
    ("random forest on fingerprints, 10 seeds", ".821 ± .004", ""),
    ("DeepAUC with fingerprints, 10 seeds", ".835 ± .005", ""),
    ("fusion of forests and networks, 10 seeds", ".848 ± .000", ""),
    ("chemprop, tuned, an ensemble of five", ".790", ".308"),
]


def molhiv_score(name: str, metric: str = "ogb_rocauc", seeds: str = "single_seeds") -> str:
    return member("molhiv", name, "ogbg-molhiv", metric, seeds)


def molhiv_scores() -> str:
    rows = []
    for name, (title, seeds) in MOLHIV.items():
        key = "all" if name == "of all seeds" else name
        count = len(one(read("molhiv")["rows"], name=key)["parts_of_seeds"])
        rows.append([title, str(count), *(molhiv_score(key, metric, seeds) for metric in ("ogb_rocauc", "ap"))])
    rows += [[f"*published: {name}*", "", f"*{roc}*", f"*{ap}*" if ap else ""] for name, roc, ap in PUBLISHED_MOLHIV]
    return markdown(["", "seeds", "ROC-AUC", "AP"], rows)


MOLECULENET = {
    "gine-ce": "GINE, cross-entropy",
    "gine-auc": "GINE, cross-entropy, then AUC margin",
    "gine-features": "GINE with features, cross-entropy",
    "forest": "random forest",
    "ensemble": "mean rank of the last three",
}
TASKS = ["bbbp", "bace", "clintox", "tox21", "sider"]


def moleculenet_scores() -> str:
    rows = [
        [title, *(member("moleculenet", name, data, "roc_auc") for data in TASKS)]
        for name, title in MOLECULENET.items()
    ]
    published = read("moleculenet")["published"]
    for name in dict.fromkeys(entry["name"] for entry in published):
        values = (one(published, name=name, dataset=data)["values"]["roc_auc"] for data in TASKS)
        rows.append([f"*published: {name}*", *(f"*{share(mean)} ± {share(deviation)}*" for mean, deviation in values)])
    return markdown(["", *TASKS], rows)


def muv_scores() -> str:
    rows = []
    for net, title in (("gine", "GINE"), ("ecc", "ECC"), ("ml-mpnn", "ML-MPNN")):
        cells = []
        for loss in ("ce", "soap"):
            values = recipe_values("soap_muv", f"{net}-{loss}", "muv", "ap").values()
            cells.append(", ".join(share(value) for value in values))
        rows.append([title, *cells])
    return markdown(["test AP of each split", "cross-entropy", "SOAP"], rows)


# Speed


def _rate(what: str, name: str) -> dict[str, Any]:
    return one(read("featurize")["rows"], what=what, name=name)


def rate(what: str, name: str) -> str:
    """Molecules per second, to three digits."""
    return f"{float(format(_rate(what, name)['molecules_per_s'], '.3g')):,.0f}"


def rate_times(what: str, name: str) -> str:
    return times(_rate(what, name)["times_peer"])


def featurize() -> str:
    rows = read("featurize")["rows"]
    return markdown(
        ["step", "by", "molecules per second", "against the peer"],
        ([row["what"], row["name"], f"{row['molecules_per_s']:,.0f}", times(row["times_peer"])] for row in rows),
    )


LIBRARIES = {
    "xgraph": "xgraph",
    "bare": "a bare PyG loop",
    "libauc": "LibAUC, GraphTrainer",
    "chemprop": "chemprop, its default network",
}


def epoch_s(library: str, batch: int) -> str:
    return number(one(read("epoch")["rows"], library=library, batch=batch)["wall_s"])


def epoch_times(library: str, batch: int) -> str:
    """How many times faster we are."""
    rows = read("epoch")["rows"]
    return times(one(rows, library=library, batch=batch)["wall_s"] / one(rows, library="xgraph", batch=batch)["wall_s"])


def epochs() -> str:
    rows = []
    for library, title in LIBRARIES.items():
        cells = [title]
        for batch in (64, 256):
            row = one(read("epoch")["rows"], library=library, batch=batch)
            cells += [
                number(row["wall_s"]),
                number(row["cpu_s"]),
                "1" if library == "bare" else times(row["wall × bare"]),
            ]
        rows.append(cells)
    return markdown(
        ["", "batch 64, s", "processor, s", "of the bare loop", "batch 256, s", "processor, s", "of the bare loop"],
        rows,
    )


def startup() -> str:
    return all_columns("startup")


def threads() -> str:
    return all_columns("threads")


def all_columns(name: str) -> str:
    rows = read(name)["rows"]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    head = ["" if name in ("what", "run") else name for name in columns]
    return markdown(
        head,
        ([number(row[c]) if isinstance(row.get(c), float) else str(row.get(c, "")) for c in columns] for row in rows),
    )


# The strongest claims

CLAIMS: list[tuple[str, str, str, str, str]] = [
    (
        "SOAP loss (average precision), forward and backward on 512 scores; with 128 tasks",
        "{loss_ms('soap', 512)} ms; {loss_ms('soap', 512, 128)} ms",
        "LibAUC {loss_ms('soap', 512, 1, 'LibAUC')} ms ({loss_times('soap', 512)}); "
        "{loss_ms('soap', 512, 128, 'LibAUC')} ms ({loss_times('soap', 512, 128)})",
        "losses",
        "python -m benchmarks.losses",
    ),
    (
        "Memory of a partial-AUC loss (SOPA-s) on 65,536 scores, 1 % positive",
        "{memory_mib('sopa-s')} MiB",
        "LibAUC {memory_mib('sopa-s', 'libauc')} MiB",
        "losses",
        "python -m benchmarks.losses",
    ),
    (
        "Losses that stay finite at scores of ±10,000 and resume exactly from a checkpoint",
        "{robust_count('xgraph')}",
        "LibAUC {robust_count('libauc')}",
        "robustness",
        "python -m benchmarks.robustness",
    ),
    (
        "Sampling 15, 10 and 5 neighbours of 1,024 nodes, graph of 25 million edges; the same in a loader, "
        "with 100 features per node",
        "{sampling_ms('power-law', '15-10-5')} ms; {sampling_ms('power-law', '15-10-5', 'loader')} ms",
        "PyG on torch-sparse {sampling_ms('power-law', '15-10-5', 'sampler', 'torch-sparse')} ms "
        "({sampling_times('power-law', '15-10-5')}); "
        "{sampling_ms('power-law', '15-10-5', 'loader', 'torch-sparse')} ms "
        "({sampling_times('power-law', '15-10-5', 'loader')})",
        "sampling",
        "python -m benchmarks.sampling",
    ),
    (
        "GraphSAGE with one sampled neighbour per layer and feature momentum: test ROC-AUC on tolokers "
        "(3 layers, 5 seeds)",
        "{momentum('tolokers', 3, 1)}",
        "without momentum {momentum('tolokers', 3, 1, 'plain')}; "
        "all neighbours {momentum('tolokers', 3, 'all', 'full')}",
        "feature-momentum",
        "python -m benchmarks.feature_momentum",
    ),
    (
        "A training step of that model on a graph of Reddit2's size, processor time",
        "{step_ms('reddit2-sized', 'momentum', '1,1,1')} ms",
        "plain GraphSAGE on 25, 10 and 10 neighbours {step_ms('reddit2-sized', 'plain', '25,10,10')} ms "
        "({step_times('reddit2-sized')})",
        "feature-momentum",
        "python -m benchmarks.feature_momentum --cost",
    ),
    (
        "Training step on 16 bags, one of 10,000 instances and fifteen of 100",
        "{bag_ms('ragged', 'abmil')} ms",
        "torchmil, padded batch {bag_ms('ragged', 'abmil', 'all', 'torchmil')} ms "
        "({bag_times('ragged', 'abmil', 'all', 'torchmil')})",
        "bags",
        "python -m benchmarks.mil --speed",
    ),
    (
        "ogbg-molhiv on OGB's split: average precision of `--model forest` on Morgan and MACCS features (3 seeds)",
        "{molhiv_score('forest', 'ap')}",
        "published: chemprop, tuned, five networks .308",
        "molecules",
        "xgraph reproduce molhiv",
    ),
    (
        "An epoch of a GINE network on 8,000 molecules, batches of 64, checkpoints included",
        "{epoch_s('xgraph', 64)} s",
        "bare PyG loop {epoch_s('bare', 64)} s ({epoch_times('bare', 64)}); "
        "LibAUC's trainer {epoch_s('libauc', 64)} s ({epoch_times('libauc', 64)})",
        "speed",
        "python -m benchmarks.epoch",
    ),
    (
        "From SMILES to OGB's atom and bond features, one core, with the `fast` extra",
        "{rate('featurise', 'xgraph, cuik-molmaker')} molecules/s",
        "`ogb` {rate('featurise', 'ogb smiles2graph')} molecules/s "
        "({rate_times('featurise', 'xgraph, cuik-molmaker')})",
        "speed",
        "python -m benchmarks.featurize",
    ),
]
"""What is claimed, our figure, the peer's, the page and the benchmark."""


def robust_count(library: str) -> str:
    """How many losses stay finite and resume exactly."""
    rows = [row for row in read("robustness")["rows"] if row["library"] == library]
    good = sum(row["finite at ±1e4"] == row["finite at ±10"] == row["resumes to the bit"] == "yes" for row in rows)
    return f"{good} of {len(rows)}"


def claims(folder: str = "", commands: bool = True) -> str:
    """The strongest claims as a table; `folder` is where the results pages are, as seen from the page that shows it."""
    rows = []
    for what, ours, peer, page, command in CLAIMS:
        texts = [value("f" + repr(text)) for text in (what, ours, peer)]
        rows.append([*texts, f"[{page}]({folder}{page}.md)", *([f"`{command}`"] if commands else [])])
    return markdown(["", "xgraph", "compared with", "details", *(["measure it yourself"] if commands else [])], rows)


def main() -> int:
    """Rewrite the pages, or check them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; fail if anything differs")
    check = parser.parse_args().check
    wrong = 0
    for page in pages():
        if not page.exists():
            continue
        text = page.read_text(encoding="utf-8")
        new = filled(text)
        messages = list(differences(new))
        if new != text:
            if check:
                messages.append("a table differs; run python docs/result_tables.py")
            else:
                page.write_text(new, encoding="utf-8")
        for message in messages:
            print(f"{page.relative_to(ROOT)}: {message}", file=sys.stderr)
        wrong += len(messages)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
