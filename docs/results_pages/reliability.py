"""Tables and figures of ``docs/results/reliability.md``."""

from __future__ import annotations

from results_pages.data import Row, read
from results_pages.formats import markdown


def reliability(*parts: str) -> str:
    """What was tried and what held, for some parts of the benchmark."""
    head = ["", "tried", "held", "also measured", "code"]
    return markdown(
        head,
        [
            [row["what"], f"{row['tried']:,}", f"{row['held']:,}", row["figures"], f"`{row['commit']}`"]
            for row in _rows(*parts)
        ],
    )


def reliability_count(*parts: str, what: str = "") -> str:
    """How many cases held, of those tried, in rows that have these words."""
    rows = [row for row in _rows(*parts) if what in row["what"]]
    held, tried = (sum(row[name] for row in rows) for name in ("held", "tried"))
    return f"{held:,} of {tried:,}"


def reliability_sum(figure: str, *parts: str) -> str:
    """The sum of a further figure over rows."""
    found = [
        int(text.rsplit(" ", 1)[1].replace(",", ""))
        for row in _rows(*parts)
        for text in row["figures"].split("; ")
        if text.startswith(figure)
    ]
    return f"{sum(found):,}"


def reliability_faults() -> str:
    """The faults by name, at most three of a row."""
    faults: dict[str, list[str]] = read("reliability")["faults"]
    if not faults:
        return "None."
    lines = []
    for name, some in faults.items():
        more = f" ({len(some) - 3} more)" if len(some) > 3 else ""
        lines.append(f"- {name}{more}:")
        lines += [f"  - `{fault[:200].replace('`', chr(39))}`" for fault in some[:3]]
    return "\n".join(lines)


def _rows(*parts: str) -> list[Row]:
    return [row for row in read("reliability")["rows"] if row["part"] in parts]
