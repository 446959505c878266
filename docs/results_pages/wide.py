"""Table of training with the tasks of ogbg-molchembl, in ``docs/results/losses.md``."""

from __future__ import annotations

from results_pages.data import one, read
from results_pages.formats import markdown, number


def wide_ratio(loss: str) -> str:
    """How many times as long as with one task a step with all tasks takes."""
    return f"{one(read('wide')['rows'], loss=loss)['ratio']:.1f}×"


def wide_worst() -> str:
    """The largest ratio of all losses."""
    return f"{max(row['ratio'] for row in read('wide')['rows']):.1f}×"


def wide_steps() -> str:
    head = [
        "loss",
        "step, 1 task",
        "step, 1,310 tasks",
        "ratio",
        "the loss in it",
        "MiB, 64",
        "MiB, 512",
        "state, bytes",
    ]
    rows = [
        [
            f"`{row['loss']}`",
            f"{number(row['step ms, one'])} ms",
            f"{number(row['step ms, all'])} ms",
            f"{row['ratio']:.2f}",
            f"{number(row['loss ms, all'])} ms",
            f"{row['MiB, 64']:.0f}",
            f"{row['MiB, 512']:.0f}",
            f"{row['state bytes']:.0f}" if row["state bytes"] >= 1 else "",
        ]
        for row in read("wide")["rows"]
    ]
    return markdown(head, rows)


def wide_elsewhere() -> str:
    rows = [[row["what"], f"{number(row['seconds'])} s", f"{row['MiB']:,.0f}"] for row in read("wide")["elsewhere"]]
    return markdown(["what", "time", "MiB"], rows)
