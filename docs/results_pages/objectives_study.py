"""Tables and figures of the study of objectives on many tasks, the first part of ``docs/results/objectives.md``."""

from __future__ import annotations

import statistics
from typing import Any

from results_pages.data import Row, one, read
from results_pages.formats import markdown, rewritten, share

LOSSES = {
    "bce": "cross-entropy",
    "soap": "SOAP",
    "sopa-s": "SOPA-s",
    "sota-s": "SOTA-s",
    "auc-margin": "AUC margin",
    "auc-pairwise": "pairwise AUC",
}
ONE_STAGE = {
    "bce-half": "cross-entropy, half positives",
    "bce-sixteenth": "cross-entropy, 1/16 positives",
    "bce-weighted": "weighted cross-entropy",
    "focal": "focal loss",
}
FORESTS = {"forest-minimol": "random forest, MiniMol", "forest-morgan": "random forest, Morgan counts"}
FORMS = {"new-head": "new head", "finetune": "fine-tuned"}
TWO_STAGE = {f"{loss}-{form}": f"{name}, {text}" for form, text in FORMS.items() for loss, name in LOSSES.items()}
ARMS = {**ONE_STAGE, **TWO_STAGE, **FORESTS}
REGIMES = {"mlp": "MLP on MiniMol", "gine": "GINE"}
ALL = "all"


def study_rows(regime: str, against: str = "bce", **wanted: Any) -> list[Row]:
    """Rows of differences to an arm, in the order of `ARMS`."""
    rows = [
        row
        for row in read("objectives")["rows"]
        if (row["regime"], row["against"]) == (regime, against)
        and all(row[key] == value for key, value in wanted.items())
        and row["arm"] in ARMS
    ]
    return sorted(rows, key=lambda row: [*ARMS].index(row["arm"]))


def study_row(regime: str, arm: str, metric: str = "ap", cell: str = ALL, against: str = "bce") -> Row:
    return one(read("objectives")["rows"], regime=regime, arm=arm, metric=metric, cell=cell, against=against)


def study_gain(regime: str, arm: str, metric: str = "ap", cell: str = ALL, against: str = "bce") -> str:
    """The mean difference of an arm to cross-entropy."""
    return share(study_row(regime, arm, metric, cell, against)["mean"], signed=True)


def study_interval(regime: str, arm: str, metric: str = "ap", cell: str = ALL, against: str = "bce") -> str:
    row = study_row(regime, arm, metric, cell, against)
    return f"{share(row['low'], signed=True)} to {share(row['high'], signed=True)}"


def study_count(regime: str, what: str = "tasks") -> str:
    """How many tasks or sets of a regime are reported."""
    scores = read("objectives")["values"][regime]
    return str(len(scores) if what == "sets" else sum(len(of_set) for of_set in scores.values()))


def study_actives(regime: str) -> str:
    """The range of training actives, such as ``15 to 300``."""
    content = read("objectives")
    numbers = [content["actives"][cell] for cell, count in content["tasks"][regime].items() if count]
    return f"{min(numbers)} to {max(numbers)}"


def study_level(regime: str, arm: str = "bce", metric: str = "ap") -> str:
    """The mean of an arm itself, over tasks."""
    place = read("objectives")["columns"].index(metric)
    values = [
        float(arms[arm].split()[place])
        for of_set in read("objectives")["values"][regime].values()
        for arms in of_set.values()
        if arm in arms
    ]
    return share(statistics.mean(values))


def study_memory() -> str:
    """SOAP on tuning tasks by the weight of the new value, beside cross-entropy in the same form."""
    rows = [
        [
            words(row["cell"]),
            f"{row['visits']:g}",
            "cross-entropy" if row["gamma"] == "bce" else f"SOAP, γ = {share(float(row['gamma']), 1)}",
            rewritten(row["train"]),
            rewritten(row["test"]),
            "–" if row["gamma"] == "bce" else f"{share(row['gain'], signed=True)} ± {share(row['gain_std'])}",
        ]
        for row in sorted(read("objectives")["memory"], key=lambda row: -row["visits"])
    ]
    head = ["active", "visits", "fine-tuned with", "AP, training", "AP, test", "difference"]
    return markdown(head, rows)


def study_intervals() -> str:
    """The number of intervals in the file."""
    return f"{len(read('objectives')['rows']):,}"


def study_table(regime: str) -> str:
    """Differences of every arm over all tasks."""
    head = ["training", "AP", "95 % interval", "p, Holm", "tasks ahead", "ROC-AUC", "OPAUC, FPR ≤ .1", "EF 1 %"]
    cells = []
    for row in study_rows(regime, cell=ALL, metric="ap"):
        arm = row["arm"]
        others = [study_row(regime, arm, metric)["mean"] for metric in ("roc_auc", "opauc", "ef_1")]
        cells.append(
            [
                ARMS[arm],
                share(row["mean"], signed=True),
                study_interval(regime, arm),
                probability(row.get("p_holm")),
                f"{row['won']:.0%} of {row['tasks']}".replace("%", " %"),
                share(others[0], signed=True),
                share(others[1], signed=True),
                share(others[2], 2, signed=True),
            ]
        )
    return markdown(head, cells)


def with_interval(row: Row) -> str:
    low, high = share(row["low"], signed=True), share(row["high"], signed=True)
    return f"{share(row['mean'], signed=True)} ({low} to {high})"


def study_losses(regime: str) -> str:
    """What each loss adds to cross-entropy in the same form, on the same batches, in AP."""
    cells = []
    for loss, name in LOSSES.items():
        row = [name]
        for form in FORMS:
            found = study_rows(regime, f"bce-{form}", metric="ap", arm=f"{loss}-{form}")
            row.append(with_interval(found[0]) if found else "–")
        if any(text != "–" for text in row[1:]):
            cells.append(row)
    return markdown(["loss", *(f"{name} (95 % interval)" for name in FORMS.values())], cells)


def study_cells(regime: str, metric: str = "ap") -> str:
    """Differences of every arm by cell, with half the width of the interval; a column per cell."""
    content = read("objectives")
    cells = [cell for cell, count in content["tasks"][regime].items() if count > 1]
    cells = sorted(cells, key=lambda cell: content["actives"][cell])
    counts = content["tasks"][regime]
    head = ["training", *(f"{content['actives'][cell]} ({words(cell)}; {counts[cell]} tasks)" for cell in cells)]
    table = []
    for arm, name in ARMS.items():
        rows = {row["cell"]: row for row in study_rows(regime, metric=metric, arm=arm)}
        if rows:
            texts = [
                f"{share(rows[cell]['mean'], signed=True)} ± {share(rows[cell]['high'] - rows[cell]['mean'])}"
                if cell in rows
                else "–"
                for cell in cells
            ]
            table.append([name, *texts])
    return markdown(head, table)


def words(cell: str) -> str:
    """``3 % of 2,000``."""
    size, percent = cell.split("-")
    return f"{percent} % of {int(size):,}"


def probability(p: float | None) -> str:
    if p is None:
        return "–"
    return "< .001" if p < 0.001 else share(p)


def study_missing() -> str:
    """What the protocol names and the results lack."""
    return "\n".join(f"- {line}" for line in read("objectives")["missing"])
