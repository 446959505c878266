"""Tables and figures of ``docs/results/objectives.md``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from results_pages.data import read
from results_pages.formats import markdown, rewritten, share, spread
from results_pages.gains import Gain


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
    names = {"balanced": "cross-entropy, half positives", "soap": "SOAP", "cross-entropy": "cross-entropy"}
    cases = {"scaffold": "nci-pains, scaffold", "random": "nci-pains, random"}
    for row in read("default")["rows"]:
        scores = (rewritten(row[key]) for key in ("valid_ap", "test_ap", "test_roc_auc"))
        rows.append([cases.get(row["case"], row["case"]), names[row["arm"]], str(row["seeds"]), *scores])
    return markdown(["data", "objective", "seeds", "validation AP", "test AP", "test ROC-AUC"], rows)


def few_scores() -> str:
    runs = read("few_actives")["runs"]
    rows = (
        [name, *(spread([draw[key] for draw in draws]) for key in ("ap", "roc_auc")), str(len(draws))]
        for name, draws in runs.items()
    )
    return markdown(["training", "AP", "ROC-AUC", "draws"], rows)


def few_score(name: str, metric: str = "ap") -> str:
    return spread([draw[metric] for draw in read("few_actives")["runs"][name]])
