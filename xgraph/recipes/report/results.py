"""The rows of a report: metrics of each member and ensemble, for single runs and for all runs combined."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xgraph.data.cards.pretrained import seen_by
from xgraph.recipes.report.choose import Chosen
from xgraph.recipes.report.compare import Paired, paired
from xgraph.recipes.report.pooled import pooled
from xgraph.recipes.report.reader import Reader
from xgraph.recipes.schema.entries import Comparison
from xgraph.recipes.schema.metrics import further_metrics
from xgraph.recipes.schema.outcome import same_seeds
from xgraph.recipes.schema.recipe import Member, Recipe
from xgraph.training.config.folds import summarize_folds
from xgraph.training.config.parts import scored_parts
from xgraph.training.files.predictions import Part
from xgraph.training.files.rundir import Run

Figures = Mapping[str, Mapping[str, float]]
"""Metrics of the part "test" and, unless it was trained on, of "valid"."""


@dataclass(frozen=True)
class Row:
    """The metrics of a member, an ensemble or a choice on a data set.

    They are keyed by part: a fold, a seed if the seed determines the split, or None if there is a single split.
    """

    name: str
    dataset: str
    members: list[Member]
    single: dict[int, dict[int | None, Figures]]  # for each seed alone; empty if the members' seeds differ
    combined: dict[int | None, Figures]  # for the combined scores of all seeds
    choices: list[tuple[int | None, int | None, Chosen]] = field(default_factory=list)  # part, seed or None for all
    pooled: dict[str, float] = field(default_factory=dict)  # of the test items of all folds together

    @property
    def parts(self) -> list[int | None]:
        """The parts that the metrics are averaged over."""
        return self.members[0].parts

    @property
    def is_member(self) -> bool:
        """Whether the row is a member rather than an ensemble or a choice."""
        return self.members[0].name == self.name

    @property
    def pretrained(self) -> dict[str, dict[str, str]]:
        """What the pretrained encoders among the members' features may have seen of the data set (`seen_by`)."""
        return seen_by({kind for member in self.members for kind in member.config.features or []}, self.dataset)

    def chosen(self, part: int | None) -> Chosen:
        """Return what a choice chose in a part, with the scores of all seeds combined."""
        own = [(seed, one) for where, seed, one in self.choices if where == part]
        return next((one for seed, one in own if seed is None), own[0][1])

    def summarize_single(self) -> dict[str, Any]:
        """Summarise single runs: over the parts, after averaging the seeds of each, or else over the seeds."""
        if self.parts == [None]:
            return summarize_folds([dict(runs[None]) for runs in self.single.values()])
        means = []
        for part in self.parts:
            runs = [dict(self.single[seed][part]) for seed in self.members[0].seeds_of(part)]
            means.append({name: one["mean"] for name, one in summarize_folds(runs).items() if name != "folds"})
        return summarize_folds(means)

    def summarize_combined(self) -> dict[str, Any]:
        """Summarise the combined scores over the parts."""
        return summarize_folds([dict(self.combined[part]) for part in self.parts])

    def values(self, metric: str) -> list[float]:
        """Return the values that are compared with those of another row."""
        if self.parts == [None]:
            figures = [self.single[seed][None] for seed in sorted(self.single)]
        else:
            figures = [self.combined[part] for part in self.parts]
        return [one["test"].get(metric, math.nan) for one in figures]


class Results:
    """Computes the rows of all members, ensembles and choices of a recipe from its finished runs."""

    def __init__(self, recipe: Recipe, out: Path) -> None:
        self.recipe, self.reader = recipe, Reader(recipe, out)

    def rows(self) -> list[Row]:
        """All rows, by data set; members first."""
        rows = []
        for dataset in self.recipe.datasets:
            for name in self.recipe.names:
                members = self.recipe.members_of(name, dataset)
                if members:
                    rows.append(self._row(name, dataset, members))
        return rows

    def compared(self, rows: list[Row]) -> list[tuple[Row, Row, str, Paired]]:
        """Return the recipe's comparisons on each data set that both sides have."""
        by_name = {(row.name, row.dataset): row for row in rows}
        pairs = []
        for pair in self.recipe.comparisons:
            for dataset in self.recipe.datasets:
                one, other = (by_name.get((name, dataset)) for name in (pair.one, pair.other))
                if one is not None and (values := self.other_values(pair, one, other)) is not None:
                    shown = other or Row(pair.other, dataset, [], {}, {})
                    pairs.append((one, shown, pair.metric, paired(one.values(pair.metric), values)))
        return pairs

    def other_values(self, pair: Comparison, one: Row, other: Row | None) -> list[float] | None:
        """Return the values that are compared with those of a row; None if there are none on its data set."""
        if other is not None:
            return other.values(pair.metric)
        for row in self.recipe.published:
            if (row.name, row.dataset) == (pair.other, one.dataset) and pair.metric in row.folds:
                known = dict(enumerate(row.folds[pair.metric]))
                return [known.get(part, math.nan) for part in one.parts if part is not None]
        return None

    def _row(self, name: str, dataset: str, members: list[Member]) -> Row:
        row = Row(name, dataset, members, {}, {})
        each_seed = same_seeds(members)
        for part in row.parts:
            seeds = members[0].seeds_of(part)
            for seed in seeds if each_seed else []:
                row.single.setdefault(seed, {})[part] = self._figures(row, part, [seed])
            one = row.single[seeds[0]][part] if each_seed and len(seeds) == 1 else None
            row.combined[part] = one or self._figures(row, part)
        if members[0].folds is not None and len(row.parts) > 1:
            tested = [self._scored(row, part)["test"] for part in row.parts]
            row.pooled.update(pooled(self.reader, members[0], tested))
        return row

    def _scored(self, row: Row, part: int | None, seeds: Sequence[int] | None = None) -> dict[str, Part]:
        """Return the scored parts, combined over the runs with the given seeds, or over all if None."""
        choice = self.recipe.choice_of(row.name)
        if choice is None:
            return self.reader.combined(row.name, row.dataset, part, seeds)
        return self.reader.chosen(choice, row.dataset, part, seeds)[1]

    def _figures(self, row: Row, part: int | None, seeds: Sequence[int] | None = None) -> Figures:
        """Return the metrics of a part, from the runs with the given seeds, or from all runs if None."""
        choice, lead = self.recipe.choice_of(row.name), row.members[0]
        if choice is not None:
            chosen, _ = self.reader.chosen(choice, row.dataset, part, seeds)
            row.choices.append((part, None if seeds is None else seeds[0], chosen))
        elif seeds is not None and row.is_member:
            return self._single(lead, seeds[0], part)
        scored = self._scored(row, part, seeds)
        return {key: self.reader.measure(lead, scored[key].y, scored[key].scores) for key in _PARTS if key in scored}

    def _single(self, member: Member, seed: int, part: int | None) -> Figures:
        """Return the metrics of a run: those that it reports itself, and further ones computed from its scores."""
        own = Run.open(self.reader.path(member, seed, part)).metrics
        figures = {key: dict(own[key]) for key in _PARTS if key in scored_parts(member.config)}
        if further_metrics(self.recipe.measured):
            for key, read in self.reader.own(member, seed, part).items():
                figures[key] = {**self.reader.measure(member, read.y, read.scores), **figures[key]}
        return figures


_PARTS = ("test", "valid")
