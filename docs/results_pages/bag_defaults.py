"""Tables and figures of the defaults of bag networks, in ``docs/results/bags.md``."""

from __future__ import annotations

from results_pages.data import one, read
from results_pages.formats import markdown, share


def bag_defaults() -> str:
    """What each change of a default gains on the tasks that are not reported."""
    rows = []
    for row in read("bag_defaults")["rows"]:
        text = (
            f"{share(row['gain'], signed=True)} ({share(row['low'], signed=True)} to {share(row['high'], signed=True)})"
        )
        more = [text, str(row["tasks ahead"])] if row["changes"] else ["", ""]
        rows.append([row["arm"], share(row["roc_auc"]), *more])
    return markdown(["change", "ROC-AUC", "difference", "tasks ahead, of 12"], rows)


def bag_default(arm: str, field: str = "gain") -> str:
    """A figure of an arm: its gain, or an end of the interval."""
    return share(one(read("bag_defaults")["rows"], arm=arm)[field], signed=True)
