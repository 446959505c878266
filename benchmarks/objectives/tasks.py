"""Tasks: a set's most active molecules among its other molecules and decoys, split by scaffold."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from benchmarks.objectives.sets import SEED, Molecules

PARTS = ("train", "valid", "test")
TEST = 5_000
SLACK = 1.1
"""Factor by which more molecules count as active until the parts can be filled."""


@dataclass(frozen=True)
class Cell:
    """The size of the training part, and the share of actives in all parts."""

    size: int
    share: str
    """In per cent."""

    @property
    def name(self) -> str:
        return f"{self.size}-{self.share}"

    @property
    def sizes(self) -> dict[str, int]:
        """Molecules by part; validation has a quarter of the size of training."""
        return {"train": self.size, "valid": self.size // 4, "test": TEST}

    @property
    def actives(self) -> dict[str, int]:
        """Actives by part."""
        return {part: round(Fraction(self.share) / 100 * size) for part, size in self.sizes.items()}


CELLS = [
    Cell(2000, "3"),
    Cell(2000, "1"),
    Cell(500, "3"),
    Cell(500, "10"),
    Cell(2000, "10"),
    Cell(10000, "1"),
    Cell(10000, "3"),
]
"""In the order in which the tasks of a set are done."""


@dataclass(frozen=True)
class Task:
    """Molecules by part: first the actives, as many as the cell says, then the others, each in random order."""

    name: str
    rows: dict[str, np.ndarray]
    threshold: float
    """The lowest pKi of an active."""
    inactives: float
    """Share of the negatives that belong to the set; the others are decoys."""


def labels(cell: Cell) -> dict[str, np.ndarray]:
    """The labels of all tasks of a cell, by part."""
    return {part: (np.arange(cell.sizes[part]) < cell.actives[part]).astype(np.float32) for part in PARTS}


def make_task(molecules: Molecules, name: str, cell: Cell) -> Task | None:
    """Return the task of a set, or None if the set has too few molecules for the cell."""
    place = molecules.order.index(name)
    rng = np.random.default_rng([SEED, place, cell.size, round(10 * Fraction(cell.share))])
    own, pki = molecules.sets[name]
    descending, median = np.sort(pki)[::-1], np.median(pki)
    count = sum(cell.actives.values())
    while count <= len(own) and descending[count - 1] >= median:
        threshold = float(descending[count - 1])
        homes = divided(rng, molecules.scaffolds[own[pki >= threshold]], cell.actives)
        if homes is not None:
            return filled(rng, molecules, name, cell, threshold, homes)
        count = int(count * SLACK) + 1
    return None


def divided(rng: np.random.Generator, scaffolds: np.ndarray, actives: dict[str, int]) -> dict[int, str] | None:
    """Give each scaffold of the actives to a part, at random in proportion to what the parts lack.

    A part that a large scaffold overfills uses only some of its actives. None if a part remains unfilled.
    """
    lacking = dict(actives)
    homes: dict[int, str] = {}
    numbers, counts = np.unique(scaffolds, return_counts=True)
    for i in rng.permutation(len(numbers)):
        lack = np.array([max(lacking[part], 0) for part in PARTS], dtype=float)
        if not lack.any():
            lack = np.array([actives[part] for part in PARTS], dtype=float)
        part = PARTS[rng.choice(len(PARTS), p=lack / lack.sum())]
        homes[int(numbers[i])] = part
        lacking[part] -= int(counts[i])
    return homes if max(lacking.values()) <= 0 else None


def filled(
    rng: np.random.Generator, molecules: Molecules, name: str, cell: Cell, threshold: float, homes: dict[int, str]
) -> Task:
    """Draw the molecules of each part: its actives; inactives of the set for up to half of the others; decoys."""
    own, pki = molecules.sets[name]
    sizes = np.array([cell.sizes[part] for part in PARTS], dtype=float)
    home = rng.choice(len(PARTS), molecules.scaffolds.max() + 1, p=sizes / sizes.sum())
    home[list(homes)] = [PARTS.index(part) for part in homes.values()]
    place = home[molecules.scaffolds]
    decoys = np.setdiff1d(molecules.pool, own)
    rows, inactive = {}, 0
    for number, part in enumerate(PARTS):
        positives = cell.actives[part]
        negatives = cell.sizes[part] - positives
        actives = drawn_from(rng, own[(place[own] == number) & (pki >= threshold)], positives)
        others = drawn_from(rng, own[(place[own] == number) & (pki < threshold)], negatives // 2)
        inactive += len(others)
        more = drawn_from(rng, decoys[place[decoys] == number], negatives - len(others))
        rows[part] = np.concatenate([actives, rng.permutation(np.concatenate([others, more]))])
        if len(rows[part]) != cell.sizes[part] or len(actives) != positives:
            raise ValueError(f"{name}, {cell.name}: the {part} part has {len(rows[part])} molecules")
    total = sum(cell.sizes[part] - cell.actives[part] for part in PARTS)
    return Task(name, rows, threshold, inactive / total)


def drawn_from(rng: np.random.Generator, items: np.ndarray, count: int) -> np.ndarray:
    """Up to `count` of the items, in random order."""
    return rng.permutation(items)[:count]
