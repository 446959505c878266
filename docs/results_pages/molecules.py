"""Tables and figures of ``docs/results/molecules.md``."""

from __future__ import annotations

from results_pages.comparisons import NETWORKS
from results_pages.data import one, read
from results_pages.formats import markdown, share, spread
from results_pages.gains import recipe_values


def member(file: str, name: str, dataset: str, metric: str, seeds: str = "single_seeds", part: str = "test") -> str:
    """Mean ± standard deviation of a recipe's row."""
    row = one(read(file)["rows"], name=name, dataset=dataset)
    figures = row[seeds][part]
    deviation = figures["std"][metric]
    return share(figures["mean"][metric]) + (f" ± {share(deviation)}" if deviation is not None else "")


def known_ties(file: str, name: str) -> bool:
    """Whether a row was measured since the share of ties is known, and areas begin at the highest scores' precision."""
    return "tied" in one(read(file)["rows"], name=name)["all_seeds"]["test"]["mean"]


AICURES = {
    "chosen": "chosen in each fold: greedy mean rank, starting from all six",
    "all": "mean rank of all six, without a choice",
    "best": "the best single one, chosen in each fold",
    "three": "mean rank of the first three (picked after test scores had been seen)",
    "logistic": "logistic regression, MiniMol",
    "extra-trees": "extra trees, MiniMol, descriptors and MACCS (v)",
    "tanimoto-torsion": "kernel ridge, Tanimoto kernel on torsions",
    "svm-minimol": "support vectors, MiniMol",
    "svm": "support vectors, descriptors and MACCS",
    "mlp-soap": "multilayer perceptron, MiniMol, cross-entropy, then SOAP",
}
_SHOWN = ("ap", "prc_auc", "roc_auc")


def aicures_scores() -> str:
    """The rows of the recipe on the official folds, by fold and pooled, beside the board."""
    rows = []
    for name, title in AICURES.items():
        row = one(read("aicures")["rows"], name=name)
        ties = share(row["all_seeds"]["test"]["mean"]["tied"], 2)
        scores = [member("aicures", name, "aicures", key, "all_seeds") for key in _SHOWN]
        rows.append([title, *scores, ties, *(share(row["pooled"][key]) for key in ("ap", "roc_auc"))])
    for entry in read("aicures")["published"]:
        if not entry["protocol"]:
            values = entry["values"]
            cells = [f"*{share(values[key][0])} ± {share(values[key][1])}*" if key in values else "" for key in _SHOWN]
            rows.append([f"*published: {entry['name']}*", *cells, "", "", ""])
    return markdown(["", "AP", "PRC-AUC", "ROC-AUC", "tied", "AP, pooled", "ROC-AUC, pooled"], rows)


def aicures_partitions() -> str:
    """The same rows on six random partitions: mean and deviation over partitions."""
    rows = []
    for row in read("aicures")["partitions"]:
        means = [spread(row["mean_over_folds"][key]["each"]) for key in _SHOWN]
        rows.append([AICURES[row["name"]], *means, *(spread(row["pooled"][key]["each"]) for key in ("ap", "roc_auc"))])
    return markdown(["", "AP", "PRC-AUC", "ROC-AUC", "AP, pooled", "ROC-AUC, pooled"], rows)


def aicures_claim() -> str:
    """What the report says that its figures support."""
    return "> " + " ".join(read("aicures")["claim"]).replace("chosen is", "The entry (`chosen`) is", 1)


def aicures_pairs() -> str:
    """The entry beside other rows, fold by fold."""
    rows = []
    for pair in read("aicures")["compared"]:
        counts = f"{pair['better']} of {pair['pairs']}"
        difference = f"{share(pair['mean'], signed=True)} ± {share(pair['std'])}"
        p = "" if pair["p"] is None else share(pair["p"])
        metric = {"ap": "AP", "prc_auc": "PRC-AUC", "roc_auc": "ROC-AUC"}[pair["metric"]]
        rows.append([AICURES.get(pair["other"], pair["other"]), metric, difference, counts, p])
    return markdown(["entry minus", "metric", "difference", "ahead in", "p (Wilcoxon)"], rows)


FORMER = {
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


def aicures_former() -> str:
    """The recipe before it had a pretrained encoder."""
    rows = []
    for name, title in FORMER.items():
        members = one(read("aicures_former")["rows"], name=name)["members"]
        runs = str(sum(map(len, members.values())))
        scores = [member("aicures_former", name, "aicures", key, "all_seeds") for key in ("ap", "prc_auc", "roc_auc")]
        if "(v)" in title and not known_ties("aicures_former", name):
            scores[1] = ""
        rows.append([title, runs, *scores])
    for entry in read("aicures_former")["published"][:5]:
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
        rows.append([title, *(member("aicures_former", name, "aicures", key) for key in ("ap", "roc_auc"))])
    return markdown(["", "AP", "ROC-AUC"], rows)


HIV = {
    "ce": "cross-entropy",
    "ce-longer": "cross-entropy, longer",
    "focal": "focal loss",
    "auc-margin": "AUC margin",
    "soap": "SOAP",
}


def hiv_scores(metric: str = "ap") -> str:
    known = {row["name"] for row in read("hiv_losses")["rows"]}
    rows = []
    for loss, title in HIV.items():
        cells = [
            member("hiv_losses", f"{net}-{loss}", "advprop-hiv", metric) if f"{net}-{loss}" in known else ""
            for net in NETWORKS
        ]
        rows.append([title, *cells])
    if metric == "prc_auc":
        published = {entry["name"]: entry["values"]["prc_auc"] for entry in read("hiv_losses")["published"]}
        names = ("GINE, CE", "", "MPNN, CE", "ML-MPNN, CE")
        rows.append(
            ["*published: cross-entropy*", *(f"*{share(published[name][0])}*" if name else "" for name in names)]
        )
    return markdown(["", *NETWORKS.values()], rows)


SOAP_HIV = {
    "forest": "random forest of 500 trees, Morgan counts",
    "gine-ce": "GINE, cross-entropy",
    "gine-ce-longer": "the same, 10 epochs longer",
    "gine-soap": "the same with 10 epochs of SOAP",
    "without-minimol": "forest and GINE, mean rank",
    "chosen-without-minimol": "chosen by validation among these, mean rank",
    "logistic-minimol": "logistic regression on MiniMol (e)",
    "mlp-minimol-ce": "perceptron on MiniMol, cross-entropy (e)",
    "mlp-minimol-ce-longer": "the same, 10 epochs longer (e)",
    "mlp-minimol-soap": "the same with 10 epochs of SOAP (e)",
    "all": "forest, networks and both on MiniMol, mean rank (e)",
    "chosen": "chosen by validation among all, mean rank (e)",
}


def soap_hiv_scores() -> str:
    """Validation and test scores of the recipe soap-hiv."""
    known = {row["name"] for row in read("soap_hiv")["rows"]}
    rows = []
    for name, title in SOAP_HIV.items():
        if name in known:
            valid = member("soap_hiv", name, "advprop-hiv", "ap", part="valid")
            tests = (member("soap_hiv", name, "advprop-hiv", metric) for metric in ("ap", "prc_auc", "tied", "roc_auc"))
            rows.append([title, valid, *tests])
    for entry in read("soap_hiv")["published"]:
        cells = []
        for metric in ("ap", "prc_auc", "tied", "roc_auc"):
            value = entry["values"].get(metric)
            mean, deviation = value if isinstance(value, list) else (value, None)
            cells.append("" if mean is None else f"*{share(mean)}{f' ± {share(deviation)}' if deviation else ''}*")
        rows.append([f"*published or run again: {entry['name']}*", "", *cells])
    return markdown(["", "validation AP", "AP", "PRC-AUC", "tied scores", "ROC-AUC"], rows)


MOLHIV = {
    "gine-ce": ("GINE 5 × 64, cross-entropy, 40 epochs", "single_seeds"),
    "gine-auc-margin": ("then 10 epochs of AUC margin", "single_seeds"),
    "forest": ("random forest of 500 trees, Morgan and MACCS", "single_seeds"),
    "forest-all": ("the same with torsions and descriptors", "single_seeds"),
    "all": ("both forests and the network, mean rank, one seed each", "single_seeds"),
    "of all seeds": ("the same, all seeds together", "all_seeds"),
    "mlp": ("perceptron on Morgan, MACCS and descriptors", "single_seeds"),
    "fingerprints": ("both forests and the perceptron, mean rank", "single_seeds"),
    "fusion": ("chosen by validation among these, mean rank", "single_seeds"),
    "logistic-minimol": ("logistic regression on MiniMol (e)", "single_seeds"),
    "mlp-minimol": ("perceptron on MiniMol (e)", "single_seeds"),
    "fingerprints-minimol": ("all these but GINE, mean rank (e)", "single_seeds"),
    "fusion-minimol": ("chosen by validation among these, mean rank (e)", "single_seeds"),
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
    known = {row["name"] for row in read("molhiv")["rows"]}
    for name, (title, seeds) in MOLHIV.items():
        key = "all" if name == "of all seeds" else name
        if key in known:
            count = len(one(read("molhiv")["rows"], name=key)["parts_of_seeds"])
            valid = member("molhiv", key, "ogbg-molhiv", "roc_auc", seeds, "valid")
            tests = (molhiv_score(key, metric, seeds) for metric in ("ogb_rocauc", "ap"))
            rows.append([title, str(count), valid, *tests])
    rows += [
        [f"*published: {name}*", "", "", f"*{roc}*", f"*{ap}*" if ap else ""] for name, roc, ap in PUBLISHED_MOLHIV
    ]
    return markdown(["", "seeds", "validation ROC-AUC", "ROC-AUC", "AP"], rows)


MOLECULENET = {
    "gine-ce": "GINE, cross-entropy",
    "gine-auc": "GINE, cross-entropy, then AUC margin",
    "gine-features": "GINE with features, cross-entropy",
    "forest": "random forest",
    "ensemble": "mean rank of the last three",
    "logistic-minimol": "logistic regression on MiniMol (e)",
    "mlp-minimol": "perceptron on MiniMol (e)",
    "ensemble-minimol": "forest and these two, mean rank (e)",
    "chosen": "the best of these four by validation (e)",
}
TASKS = ["bbbp", "bace", "clintox", "tox21", "sider"]


def moleculenet_scores(metric: str = "roc_auc") -> str:
    """Test scores on each data set, with the published ones of ROC-AUC."""
    known = {row["name"] for row in read("moleculenet")["rows"]}
    rows = [
        [title, *(member("moleculenet", name, data, metric) for data in TASKS)]
        for name, title in MOLECULENET.items()
        if name in known
    ]
    if metric != "roc_auc":
        return markdown(["", *TASKS], rows)
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
