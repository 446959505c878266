"""What of a folder of bags could not be used, counted by reason."""

from __future__ import annotations

import warnings

from xgraph.data.molecules.table import RowError


class Problems:
    """Counts what is left out, and warns of each reason once, with the first example."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.examples: dict[str, list[str]] = {}
        self.errors: list[RowError] = []

    def add(self, reason: str, example: str) -> None:
        """Count a case of a reason."""
        self.examples.setdefault(reason, []).append(example)

    def lose(self, reason: str, row: int | None, bag: str, message: str, example: str) -> None:
        """Count a bag that is left out; with the row of a table that names it, it is one of the errors."""
        self.add(reason, example)
        if row is not None:
            self.errors.append(RowError(row, bag, message))

    def __str__(self) -> str:
        return "; ".join(f"{reason}: {len(some)}, such as {some[0]}" for reason, some in self.examples.items())

    def warn(self) -> None:
        """Warn of each reason."""
        for reason, some in self.examples.items():
            warnings.warn(f"{self.where}: {reason}: {len(some)}; the first is {some[0]}", stacklevel=4)
