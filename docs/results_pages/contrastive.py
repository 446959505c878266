"""Table and figures of ``docs/results/contrastive.md``."""

from __future__ import annotations

from results_pages.data import read
from results_pages.formats import markdown, share, spread

_SHOWN = ("molecule_mrr", "molecule_recall@1", "molecule_recall@10", "text_mrr")


def towers_of(kind: str, name: str) -> list[float]:
    """A figure of each seed."""
    return [row[name] for row in read("two_tower")["rows"] if row["kind"] == kind]


def towers_mean(kind: str, name: str) -> str:
    return spread(towers_of(kind, name))


def towers_table() -> str:
    head = ["temperature", "MRR, text → molecule", "recall@1", "recall@10", "MRR, molecule → text", "learned, mean"]
    rows = []
    for kind in dict.fromkeys(row["kind"] for row in read("two_tower")["rows"]):
        learned = [value for value in towers_of(kind, "learned") if value is not None]
        mean = share(sum(learned) / len(learned)) if learned else ""
        rows.append([kind, *(towers_mean(kind, name) for name in _SHOWN), mean])
    return markdown(head, rows)
