"""Every comparison of an objective with cross-entropy."""

from __future__ import annotations

from results_pages.gains import Gain, bag_gain, default_gain, few_gain, recipe_gain, xrisk_gain

LONGER = "15 epochs, then 20 of cross-entropy"
KEPT = "15 epochs, then 20 of SOAP, logistic on logits"
RESTARTED = "30 epochs, then with a new head 30 of SOAP, half positives"
NETWORKS = {"gine": "GINE", "gine-features": "GINE and descriptors", "ecc": "ECC", "ml-mpnn": "ML-MPNN"}


def precision_gains() -> list[Gain]:
    """SOAP against cross-entropy of the same length, by average precision."""
    bce, tuned, plain = "cross-entropy", "SOAP, fine-tuned", "SOAP, new output layer"
    few = ("HIV, draws of 1,886 molecules", "43")
    gains = [
        Gain(*few, tuned, bce, "AP", "draws", few_gain(KEPT, LONGER, "ap")),
        Gain(*few, plain, bce, "AP", "draws", few_gain(RESTARTED, "cross-entropy, 60 epochs", "ap")),
    ]
    for network, name in (("", "GINE"), ("-features", "GINE and descriptors")):
        values = recipe_gain("aicures_former", (f"gine-soap{network}", f"gine-ce{network}"), "aicures", "ap", "parts")
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
        values = recipe_gain("hiv_losses", (f"{network}-soap", f"{network}-ce-longer"), "advprop-hiv", "ap")
        gains.append(Gain(f"HIV, {name}", "1,272", tuned, bce, "AP", "seeds", values))
    return gains


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
