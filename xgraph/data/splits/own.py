"""How a table of one's own is split, as the user asked for it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xgraph.data.splits.classes import random_folds, random_parts
from xgraph.data.splits.files import read_split_file
from xgraph.data.splits.groups import balanced_parts, group_folds, parts_by_size
from xgraph.data.splits.words import FEWEST_FOLDS, MOST_FOLDS, PARTS, parts_of_fold, read_marks

Integers = NDArray[np.int64]
Shares = tuple[float, float, float]

GIVEN, WHOLE = "given", "whole"
_SEEDED = ("random", "scaffold-balanced", "cluster")
_TRAIN, _VALID, _TEST = range(len(PARTS))


@dataclass(frozen=True)
class OwnSplit:
    """How a table is split; at most one of `split_column`, `split_file`, `valid` with `test`, and `folds`.

    Args:
        split: The way of drawing parts or folds; "given" with one of the next four, "whole" to have every row in test.
        fold: The fold to test on, with `folds` or a column of fold numbers.
        seed: Seed of the ways "random", "scaffold-balanced" and "cluster"; the others and folds do not depend on it.
        split_column: Column with the words train, valid and test, or with fold numbers.
        split_file: File with the row numbers of each part; see `read_split_file`.
        valid: A second table, the validation part; the first one is then the training part.
        test: A second or third table, the test part.
        valid_fraction: Share of the training part to validate on, if there is no validation part.
        folds: Number of folds to draw.
        stratified: Whether folds of whole groups have about the same share of each class.
        partition: Which of the random partitions into folds to draw. Folds are the same for every `seed`, so that runs
            with other seeds can be compared and combined.

    Raises:
        ValueError: If options contradict each other or are out of range.
    """

    split: str | None = None
    fold: int | None = None
    seed: int = 0
    split_column: str | None = None
    split_file: str | Path | None = None
    valid: str | Path | None = None
    test: str | Path | None = None
    valid_fraction: float | None = None
    folds: int | None = None
    stratified: bool = False
    partition: int | None = None

    def __post_init__(self) -> None:
        files = " and ".join(name for name in ("valid", "test") if getattr(self, name) is not None)
        sources = [name for name in ("split_column", "split_file", "folds") if getattr(self, name) is not None]
        sources += [files] if files else []
        if len(sources) > 1:
            raise ValueError(f"{', '.join(sources)}: each of them defines the parts; give only one")
        if self.is_given and self.split not in (None, GIVEN):
            raise ValueError(f"split={self.split!r} cannot be used with {sources[0]}, which defines the parts")
        if self.split == GIVEN and not self.is_given:
            raise ValueError(
                "split='given' needs the parts: give split_column (--split-column), split_file (--split-file), or "
                "further files for valid and test (--valid, --test)"
            )
        if self.folds is not None and not FEWEST_FOLDS <= self.folds <= MOST_FOLDS:
            raise ValueError(
                f"folds must be from {FEWEST_FOLDS} to {MOST_FOLDS} (one to test on, one to validate on, the others to "
                f"train on), got {self.folds}"
            )
        if self.stratified and self.folds is None:
            raise ValueError("stratified=True needs folds (--folds)")
        if self.partition is not None and (self.folds is None or self.partition < 0):
            raise ValueError(f"partition={self.partition} must be 0 or more, and needs folds (--folds)")
        if self.valid_fraction is not None and not 0 < self.valid_fraction < 1:
            raise ValueError(f"valid_fraction must be between 0 and 1, got {self.valid_fraction}")
        if self.valid_fraction is not None and (not self.is_given or self.valid is not None):
            raise ValueError(
                "valid_fraction is for parts of your own without a validation part (split_column, split_file, or test "
                "without valid)"
            )

    @property
    def is_given(self) -> bool:
        """Whether a column or files define the parts."""
        return any(option is not None for option in (self.split_column, self.split_file, self.valid, self.test))

    @property
    def files(self) -> dict[str, Path]:
        """Further tables, by part."""
        named = {"valid": self.valid, "test": self.test}
        return {part: Path(path).expanduser() for part, path in named.items() if path is not None}

    def of_rows(self, sizes: Sequence[int], cells: Sequence[str] | None) -> Integers | None:
        """Return the part of each row of a table where column or files define it, else None.

        Args:
            sizes: Number of data rows of the table, and of each of the further `files`.
            cells: The cells of `split_column`.

        Returns:
            The position of the part in ``("train", "valid", "test")``, or -1 for a row in no part.
        """
        rows = sum(sizes)
        part: Integers
        if self.split == WHOLE:
            return np.full(rows, _TEST, dtype=np.int64)
        if self.files:
            return np.repeat([_TRAIN, *map(PARTS.index, self.files)], sizes)
        if self.split_file is not None:
            part = read_split_file(self.split_file, rows)
        elif self.split_column is None or cells is None:
            return None
        else:
            part, folds = read_marks(cells, self.split_column)
            if folds:
                fold = self._fold_of(folds, f"column {self.split_column!r} has fold numbers")
                return parts_of_fold(part, folds, fold)
        if self.fold is not None:
            raise ValueError(f"fold={self.fold} cannot be used: {self._source} has parts, not fold numbers")
        return part

    def draw(self, classes: Integers, shares: Shares, keys: Callable[[], Integers] | None = None) -> Integers:
        """Draw the part of each item.

        Args:
            classes: The class of each item.
            shares: Shares of train, valid and test.
            keys: Returns a number per item that is the same for items that stay together; by default each is alone.
        """
        if self.folds is not None:
            if len(classes) < self.folds:
                raise ValueError(f"folds={self.folds}: expected at least as many items, got {len(classes)}")
            fold = self._fold_of(range(self.folds), f"folds={self.folds}")
            partition = self.partition or 0
            if keys is None:
                number = random_folds(classes, self.folds, partition)
            else:
                number = group_folds(keys(), classes if self.stratified else None, self.folds, partition)
            return parts_of_fold(number, range(self.folds), fold)
        if self.fold is not None:
            raise ValueError(
                f"fold={self.fold} cannot be used: the {self.split} split has no folds; give their number with folds "
                "(--folds), or a column of fold numbers with split_column (--split-column)"
            )
        seed = self.seed if self.split in _SEEDED else 0
        if keys is None:
            return random_parts(classes, shares, seed)
        if self.split == "scaffold":
            return parts_by_size(keys(), shares, seed)
        return balanced_parts(keys(), classes, shares, seed)

    def with_valid(self, part: Integers, classes: Integers) -> Integers:
        """Take the validation part from the training part, if the user asked for that."""
        if self.valid_fraction is None:
            return part
        if (part == _VALID).any():
            raise ValueError(f"valid_fraction={self.valid_fraction} cannot be used: {self._source} has a valid part")
        train = np.flatnonzero(part == _TRAIN)
        drawn = random_parts(classes[train], (1 - self.valid_fraction, self.valid_fraction, 0.0), 0)
        part = part.copy()
        part[train[drawn == _VALID]] = _VALID
        return part

    @property
    def _source(self) -> str:
        column = f"column {self.split_column!r}" if self.split_column is not None else "test"
        return f"{self.split_file}" if self.split_file is not None else column

    def _fold_of(self, folds: Sequence[int], what: str) -> int:
        listed = f"{folds[0]} to {folds[-1]}" if folds[-1] - folds[0] == len(folds) - 1 else ", ".join(map(str, folds))
        if self.fold is None:
            raise ValueError(
                f"{what}, {listed}: choose the one to test on with fold (--fold {folds[0]}; --fold all trains one run "
                "for each)"
            )
        if self.fold not in folds:
            raise ValueError(f"fold={self.fold} does not exist: {what}, {listed}")
        return self.fold


def parts_present(part: Integers) -> dict[str, Integers]:
    """Return the positions of each part that has any."""
    return {name: rows for i, name in enumerate(PARTS) if len(rows := np.flatnonzero(part == i))}


def warn_of_rows_in_no_part(count: int, noun: str) -> None:
    """Say how many items are in no part."""
    if count:
        warnings.warn(f"{count} {noun} in no part: their split is blank or not listed", stacklevel=5)
