"""Read the scores of a recipe's finished runs, and combine those of a member's seeds or of an ensemble's members."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from xgraph.recipes.report.choose import Chosen, Scores, choose, rounded
from xgraph.recipes.report.scores import combine, read_inner
from xgraph.recipes.schema.entries import Choice, InnerFolds
from xgraph.recipes.schema.metrics import further_metrics
from xgraph.recipes.schema.recipe import Member, Recipe
from xgraph.training.config.traits import DatasetTraits
from xgraph.training.files.predictions import Part, check_same_items, read_parts
from xgraph.training.scoring.ensemble import scaled_ranks
from xgraph.training.scoring.scores import score_split


@dataclass
class Reader:
    """Reads the scores of members, ensembles and choices for a part (a fold, a seed, or None)."""

    recipe: Recipe
    out: Path
    _read: dict[Path, dict[str, Part]] = field(default_factory=dict)
    _chosen: dict[tuple[object, ...], tuple[Chosen, dict[str, Part]]] = field(default_factory=dict)

    def path(self, member: Member, seed: int, part: int | None) -> Path:
        """Return the directory of the run that scored a part."""
        path = self.out / self.recipe.run_path(member, seed)
        return path if member.folds is None else path / f"fold_{part}"

    def own(self, member: Member, seed: int, part: int | None, inner: InnerFolds | None = None) -> dict[str, Part]:
        """Return the parts that one run has scored, such as test; with `inner`, its inner folds."""
        path = self.path(member, seed, part)
        key = path if inner is None else path / inner.label
        if key not in self._read:
            read = read_parts(path, member.config) if inner is None else read_inner(path, member.config, inner)
            self._read[key] = read
        return self._read[key]

    def combined(
        self,
        name: str,
        dataset: str,
        part: int | None,
        seeds: Sequence[int] | None = None,
        inner: InnerFolds | None = None,
    ) -> dict[str, Part]:
        """Return the parts that a member or an ensemble has scored, with its scores combined over runs.

        The runs are those with the given seeds, or all if None.
        """
        members = self.recipe.members_of(name, dataset)
        runs = [[(member, seed) for seed in seeds or member.seeds_of(part)] for member in members]
        read = [[self.own(member, seed, part, inner) for member, seed in own] for own in runs]
        lead, first = read[0][0], self.path(*runs[0][0], part)
        parts = {}
        for key in (key for key in lead if all(key in one for own in read for one in own)):
            for own, ran in zip(read, runs, strict=True):
                for one, (member, seed) in zip(own, ran, strict=True):
                    check_same_items(lead[key], one[key], (first, self.path(member, seed, part)))
            scores = combine([[one[key].scores for one in own] for own in read], self.recipe.combine_of(name))
            parts[key] = lead[key]._replace(scores=scores)
        return parts

    def chosen(
        self, choice: Choice, dataset: str, part: int | None, seeds: Sequence[int] | None = None
    ) -> tuple[Chosen, dict[str, Part]]:
        """Make a choice, and return it with the scores of what was chosen."""
        key = choice.name, dataset, part, None if seeds is None else tuple(seeds)
        if key not in self._chosen:
            self._chosen[key] = self._choose(choice, dataset, part, seeds)
        return self._chosen[key]

    def _choose(
        self, choice: Choice, dataset: str, part: int | None, seeds: Sequence[int] | None
    ) -> tuple[Chosen, dict[str, Part]]:
        by = {name: self.combined(name, dataset, part, seeds, choice.inner_folds) for name in choice.candidates}
        keys = ["valid"] if choice.inner is None else list(map(str, range(choice.inner)))
        keys = [key for key in keys if all(key in own for own in by.values())]
        parts = {name: self.combined(name, dataset, part, seeds) for name in choice.candidates}
        lead = self.recipe.members_of(choice.candidates[0], dataset)[0]
        for key in keys:
            items = [(name, own[key]) for name, own in by.items()]
            for name, one in items[1:]:
                check_same_items(items[0][1], one, (Path(items[0][0]), Path(name)))
        y = _joined([by[choice.candidates[0]][key].y for key in keys])
        ranks = {name: _joined([scaled_ranks(own[key].scores) for key in keys]) for name, own in by.items()}

        def measure_all(scores: Scores) -> float:
            if not len(y):
                return float("nan")
            values = self.measure(lead, y, scores, choice.metric)
            return float(np.mean([values[name] for name in choice.metric]))

        chosen = choose(choice, ranks, measure_all)
        shared = set.intersection(*(set(own) for own in parts.values()))
        return chosen, {key: _mixed(chosen.weights, parts, key) for key in shared}

    def measure(self, member: Member, y: Scores, scores: Scores, metrics: Sequence[str] = ()) -> dict[str, float]:
        """Return the metrics of scores: those of every run, those of the recipe, and the given ones."""
        classes = DatasetTraits.of(member.config.flat()).several_classes
        further = further_metrics([*self.recipe.measured, *metrics])
        return score_split(member.dataset, y, scores, further, several_classes=classes)


def _joined(arrays: Sequence[Scores]) -> Scores:
    return np.concatenate(arrays) if arrays else np.zeros((0, 1))


def _mixed(weights: dict[str, int], parts: dict[str, dict[str, Part]], key: str) -> Part:
    """Return the scores of a single candidate, or the weighted mean of the ranks of several."""
    own = {name: parts[name][key] for name in weights}
    first = next(iter(own.values()))
    if len(own) == 1:
        return first
    total = sum((scaled_ranks(one.scores) * weights[name] for name, one in own.items()), np.zeros(()))
    return first._replace(scores=rounded(total / sum(weights.values())))
