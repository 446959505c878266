"""Tables of ``docs/results/many-classes.md``."""

from __future__ import annotations

from results_pages.data import one, read
from results_pages.formats import markdown, share


def entities(loss: str, name: str, digits: int = 3) -> str:
    """A figure of FB15k-237."""
    return share(one(read("many_classes")["rows"], loss=loss)[name], digits)


def entities_table() -> str:
    rows = [
        [
            row["loss"],
            *(share(row[name]) for name in ("valid_mrr", "mrr", "hits@1", "hits@10")),
            f"{row['ms']:.0f} ms",
            f"{row['epochs']:.1f}",
        ]
        for row in read("many_classes")["rows"]
    ]
    head = ["loss", "valid MRR", "test MRR", "hits@1", "hits@10", "step", "epochs in a minute"]
    return markdown(head, rows)
