"""Tables and figures of ``docs/results/speed.md``."""

from __future__ import annotations

from typing import Any

from results_pages.data import one, read
from results_pages.formats import markdown, number, times


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
