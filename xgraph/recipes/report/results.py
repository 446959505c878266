"""The rows of a report: metrics of each member and ensemble, for single runs and for all runs combined."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xgraph.recipes.report.compare import Paired, paired
from xgraph.recipes.report.scores import Part, check_same_items, combine, read_parts
from xgraph.recipes.schema.metrics import further_metrics
from xgraph.recipes.schema.outcome import same_seeds
from xgraph.recipes.schema.recipe import Member, Recipe
from xgraph.training.config.folds import summarize_folds
from xgraph.training.config.parts import scored_parts
from xgraph.training.config.traits import DatasetTraits
from xgraph.training.files.rundir import Run
from xgraph.training.scoring.scores import score_split

Figures = Mapping[str, Mapping[str, float]]
"""Metrics of the part "test" and, unless it was trained on, of "valid"."""


@dataclass(frozen=True)
class Row:
    """The metrics of a member or an ensemble on a data set.

    They are keyed by part: a fold, a seed if the seed determines the split, or None if there is a single split.
    """

    name: str
    dataset: str
    members: list[Member]
    single: dict[int, dict[int | None, Figures]]  # for each seed alone; empty if the members' seeds differ
    combined: dict[int | None, Figures]  # for the combined scores of all seeds

    @property
    def parts(self) -> list[int | None]:
        """The parts that the metrics are averaged over."""
        return self.members[0].parts

    @property
    def is_member(self) -> bool:
        """Whether the row is a member rather than an ensemble."""
        return self.members[0].name == self.name

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


@dataclass
class Results:
    """Computes the rows of all members and ensembles of a recipe from its finished runs."""

    recipe: Recipe
    out: Path
    _read: dict[Path, dict[str, Part]] = field(default_factory=dict)

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
                if one is not None and other is not None:
                    pairs.append((one, other, pair.metric, paired(one.values(pair.metric), other.values(pair.metric))))
        return pairs

    def _row(self, name: str, dataset: str, members: list[Member]) -> Row:
        single: dict[int, dict[int | None, Figures]] = {}
        combined: dict[int | None, Figures] = {}
        each_seed = same_seeds(members)
        for part in members[0].parts:
            seeds = members[0].seeds_of(part)
            for seed in seeds if each_seed else []:
                single.setdefault(seed, {})[part] = self._figures(name, members, part, [seed])
            one = single[seeds[0]][part] if each_seed and len(seeds) == 1 else None
            combined[part] = one or self._figures(name, members, part)
        return Row(name, dataset, members, single, combined)

    def _figures(self, name: str, members: list[Member], part: int | None, seeds: list[int] | None = None) -> Figures:
        """Return the metrics of a part, from the runs with the given seeds, or from all runs if None."""
        if seeds is not None and members[0].name == name:
            return self._single(members[0], seeds[0], part)
        return self._combine_runs(members, part, seeds, self.recipe.combine_of(name))

    def _path(self, member: Member, seed: int, part: int | None) -> Path:
        path = self.out / self.recipe.run_path(member, seed)
        return path if member.folds is None else path / f"fold_{part}"

    def _parts(self, path: Path, member: Member) -> dict[str, Part]:
        if path not in self._read:
            self._read[path] = read_parts(path, member.config)
        return self._read[path]

    def _single(self, member: Member, seed: int, part: int | None) -> Figures:
        """Return the metrics of a run: those that it reports itself, and further ones computed from its scores."""
        path = self._path(member, seed, part)
        own = Run.open(path).metrics
        figures = {name: dict(own[name]) for name in _parts_of([member])}
        if further_metrics(self.recipe.measured):
            for name, part_ in self._parts(path, member).items():
                figures[name] = {**self._measure(member, part_, part_.scores), **figures[name]}
        return figures

    def _combine_runs(self, members: list[Member], part: int | None, seeds: list[int] | None, how: Any) -> Figures:
        paths = [[self._path(member, seed, part) for seed in seeds or member.seeds_of(part)] for member in members]
        read = [[self._parts(path, m) for path in own] for m, own in zip(members, paths, strict=True)]
        first, figures = paths[0][0], {}
        for name in _parts_of(members):
            lead = read[0][0][name]
            for own, folders in zip(read, paths, strict=True):
                for parts, path in zip(own, folders, strict=True):
                    check_same_items(lead, parts[name], (first, path))
            scores = combine([[parts[name].scores for parts in own] for own in read], how)
            figures[name] = self._measure(members[0], lead, scores)
        return figures

    def _measure(self, member: Member, part: Part, scores: Any) -> dict[str, float]:
        classes = DatasetTraits.of(member.config.flat()).several_classes
        further = further_metrics(self.recipe.measured)
        return score_split(member.dataset, part.y, scores, further, several_classes=classes)


def _parts_of(members: list[Member]) -> list[str]:
    """Return the parts that all members have scored."""
    return [name for name in ("test", "valid") if all(name in scored_parts(member.config) for member in members)]
