"""What of a folder of bags could not be used, counted by reason."""

from __future__ import annotations

import warnings

from xgraph.data.bags.folder.bag import Bag
from xgraph.data.bags.folder.files import BagFile
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

    def of_file(self, file: BagFile, bag: Bag) -> None:
        """Count coordinates that are not used, and further files of a bag."""
        if bag.coords is not None and not bag.located:
            text = f"{file.path.name}: shape {list(bag.coords)} for {bag.rows.shape[0]} instances"
            self.add("bags whose coordinates do not fit and are not used", text)
        if file.others:
            others = ", ".join(str(path.relative_to(path.parent.parent)) for path in file.others)
            taken = file.path.relative_to(file.path.parent.parent)
            self.add("bags with several files", f"{file.name!r}, read from {taken} and not from {others}")

    def __str__(self) -> str:
        return "; ".join(f"{reason}: {len(some)}, such as {some[0]}" for reason, some in self.examples.items())

    def warn(self) -> None:
        """Warn of each reason."""
        for reason, some in self.examples.items():
            warnings.warn(f"{self.where}: {reason}: {len(some)}; the first is {some[0]}", stacklevel=4)
