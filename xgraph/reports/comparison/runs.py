"""The runs that are compared, and what they have in common."""

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from xgraph.reports.measures.curves import FloatArray
from xgraph.reports.page.blocks import LeftOut
from xgraph.reports.source import Source


class Shared(NamedTuple):
    """Items that all runs have scored.

    Args:
        labels: 0, 1, a number or NaN, shape ``[N, T]``.
        scores: The scores of each run, shape ``[N, T]`` each.
    """

    labels: FloatArray
    scores: list[FloatArray]


class Comparison:
    """Several runs.

    Args:
        sources: The runs, in the order in which they were given.

    Attributes:
        left_out: What cannot be compared, and why.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = list(sources)
        self.left_out: list[LeftOut] = []

    @cached_property
    def names(self) -> list[str]:
        """A name for each run: the name of its directory, with a number or its parents where that is not enough."""
        paths = [source.path.resolve() for source in self.sources]
        for depth in range(1, 6):
            names = ["/".join(path.parts[-depth:]) for path in paths]
            if len(set(names)) == len(names):
                return names
        return [f"{number}: {path.name}" for number, path in enumerate(paths, 1)]

    @property
    def numbers(self) -> bool:
        """Whether all runs predict numbers."""
        return all(not source.is_encoder and source.predicts_numbers for source in self.sources)

    @cached_property
    def obstacle(self) -> str:
        """Why the runs cannot be compared item by item at all; empty if they can."""
        if any(source.is_encoder for source in self.sources):
            return "a pretrained encoder has no predictions"
        first = self.sources[0]
        for source, name in zip(self.sources, self.names, strict=True):
            for what in ("dataset", "kind", "tasks"):
                if getattr(source, what) != getattr(first, what):
                    noun = {"dataset": "data sets", "kind": "kinds of data", "tasks": "tasks"}[what]
                    return f"{self.names[0]} and {name} have different {noun}"
            if source.predicts_numbers != first.predicts_numbers:
                return f"one of {self.names[0]} and {name} predicts numbers, the other labels"
            if bool(source.folds) != bool(first.folds):
                return f"one of {self.names[0]} and {name} has folds, the other has not"
            if [fold.path.name for fold in source.folds] != [fold.path.name for fold in first.folds]:
                return f"{self.names[0]} and {name} have different folds"
        return ""

    @cached_property
    def part(self) -> str | None:
        """The part that all runs report: the test part, or the validation part."""
        known = (part for part in ("test", "valid") if all(part in source.parts for source in self.sources))
        return next(known, None)

    @cached_property
    def shared(self) -> "Shared | str":
        """The predictions of all runs for the same items; or why there are none."""
        if self.obstacle:
            return self.obstacle
        if self.part is None:
            return "the runs report no part in common"
        if self.sources[0].folds:
            return "runs over folds are compared fold by fold"
        return shared_items(self.sources, self.names, self.part)


def shared_items(sources: Sequence[Source], names: Sequence[str], part: str) -> "Shared | str":
    """Return the predictions of runs for the items of a part, or why they are not the same items."""
    every = [source.scores(part) for source in sources]
    for own, name in zip(every, names, strict=True):
        if own is None:
            return f"{name} has no predictions of the {part} part"
    known = [own for own in every if own is not None]
    items = [source.predictions.items(part) for source in sources]
    for own, other, name in zip(known, items, names, strict=True):
        if not items[0].equals(other):
            return f"{names[0]} and {name} have different items in the {part} part"
        if own.labels.tobytes() != known[0].labels.tobytes():
            return f"{names[0]} and {name} have different labels in the {part} part"
    return Shared(known[0].labels, [own.scores for own in known])
