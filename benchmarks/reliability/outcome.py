"""What a part of the benchmark returns: how many cases were tried, how many held, and the faults by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Outcome:
    """Cases of one kind."""

    tried: int = 0
    held: int = 0
    faults: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    """Further figures; those of several outcomes are added up, or the largest is taken if the name has "peak" in it."""

    def count(self, fault: str | None) -> None:
        """Add one case: a fault, or None if it held."""
        self.tried += 1
        if fault is None:
            self.held += 1
        else:
            self.faults.append(fault)

    def note(self, name: str, value: float) -> None:
        """Add to a figure."""
        before = self.figures.get(name)
        self.figures[name] = value if before is None else max(before, value) if "peak" in name else before + value

    def plain(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return asdict(self)


@dataclass(frozen=True)
class Piece:
    """Some cases of a row of the table, which are measured together."""

    what: str
    """The row."""
    seed: int
    run: Callable[[Path, int], Outcome]
    """Measures in an empty folder, with a seed."""


def merged(results: Iterable[dict[str, Any]]) -> Outcome:
    """Return the sum of outcomes."""
    whole = Outcome()
    for one in results:
        whole.tried += one["tried"]
        whole.held += one["held"]
        whole.faults += one["faults"]
        for name, value in one["figures"].items():
            whole.note(name, value)
    return whole


def pieces(what: str, number: int, size: int, run: Callable[[Path, int, int], Outcome]) -> list[Piece]:
    """Divide a number of cases into pieces of some size; the seed is the position of the piece."""
    counts = [min(size, number - start) for start in range(0, number, size)]
    return [Piece(what, seed, _with_count(run, count)) for seed, count in enumerate(counts)]


def _with_count(run: Callable[[Path, int, int], Outcome], count: int) -> Callable[[Path, int], Outcome]:
    return lambda folder, seed: run(folder, seed, count)
