"""Tables of ``docs/results/start-up.md``."""

from __future__ import annotations

from results_pages.data import read
from results_pages.formats import markdown, number


def startup() -> str:
    return all_columns("startup")


def threads() -> str:
    return all_columns("threads")


def all_columns(name: str) -> str:
    rows = read(name)["rows"]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    head = ["" if name in ("what", "run") else name for name in columns]
    return markdown(
        head,
        ([number(row[c]) if isinstance(row.get(c), float) else str(row.get(c, "")) for c in columns] for row in rows),
    )
