"""Tables of ``docs/results/published-soap-figures.md``."""

from __future__ import annotations

from results_pages.data import Row, one, read
from results_pages.formats import markdown, share

RERUN = (
    ("cross-entropy checkpoint, GINE (published .277)", ".293 / .290", ".293 / .290", ".292"),
    ("cross-entropy checkpoint, MPNN (published .320)", ".358 / .318", ".358 / .318", ".320"),
    ("SOAP from the GINE checkpoint (published .349)", ".370 / .375", ".201 / .149", ".152"),
    ("the same, seed 1, 40 epochs", ".353 / .404", "– / .058", ""),
    ("a constant score", "– / .516", "", ".031"),
)
"""The authors' code, weights, features and split of HIV, run again; no results file holds these figures."""


def soap_rerun() -> str:
    head = ["HIV, valid / test", "area as published", "area, ranked by logits", "test AP, ranked by logits"]
    return markdown(head, RERUN)


def tie_row(run: str, scores: str) -> Row:
    """The figures of a run by one of its scores."""
    return one(read("ties")["rows"], run=run, scores=scores)


def ties_table() -> str:
    rows, before = [], ""
    for row in read("ties")["rows"]:
        run = row["run"] if row["run"] != before else ""
        before = row["run"]
        figures = [share(row[key]) for key in ("tied", "ap", "prc_auc", "prc_auc_from_1")]
        rows.append([run, row["scores"], *figures])
    return markdown(["test", "scores", "tied", "AP", "`prc_auc`", "area from precision 1"], rows)
