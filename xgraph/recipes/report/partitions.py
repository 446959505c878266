"""The rows of a recipe that are repeated on random partitions: a summary over the partitions."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xgraph.recipes.report.pooled import MEANING
from xgraph.recipes.report.results import Results, Row
from xgraph.recipes.report.tables import Grid, figure
from xgraph.recipes.schema.cut import without_runs
from xgraph.recipes.schema.metrics import title
from xgraph.recipes.schema.recipe import Recipe
from xgraph.training.files.rundir import dataset_label


@dataclass(frozen=True)
class Repeated:
    """A row with its figures on each partition."""

    name: str
    rows: list[Row]

    def means(self, metric: str) -> list[float]:
        """Return the mean over the folds of each partition."""
        return [row.summarize_combined()["test"]["mean"].get(metric, math.nan) for row in self.rows]

    def pooled(self, metric: str) -> list[float]:
        """Return the metric of the pooled items of each partition."""
        return [row.pooled.get(metric, math.nan) for row in self.rows]

    def to_dict(self, metrics: Sequence[str]) -> dict[str, Any]:
        """Return the figures for JSON."""
        values: dict[str, Any] = {"name": self.name, "partitions": len(self.rows)}
        for key, of in (("mean_over_folds", self.means), ("pooled", self.pooled)):
            values[key] = {metric: {"each": of(metric), **_summary(of(metric))} for metric in metrics}
        values["parts"] = [[{"part": part, **row.combined[part]} for part in row.parts] for row in self.rows]
        chosen = [[{"part": part, **one._asdict()} for part, _, one in row.choices] for row in self.rows]
        return {**values, "chosen": chosen} if any(chosen) else values


def repeated(recipe: Recipe, out: Path, failed: Collection[Path]) -> list[Repeated]:
    """Return the rows on all random partitions; a partition in which a row has no run is left out there."""
    if recipe.partitions is None:
        return []
    by_name: dict[str, list[Row]] = {name: [] for name in recipe.partitions.rows}
    for folder, one in recipe.on_partitions().items():
        left = without_runs(one, {path.relative_to(folder) for path in failed if path.parts[0] == folder})
        for row in Results(left, out / folder).rows() if left.members else []:
            if row.name in by_name:
                by_name[row.name].append(row)
    return [Repeated(name, rows) for name, rows in by_name.items() if rows]


def partitions_grid(recipe: Recipe, rows: Sequence[Repeated]) -> Grid:
    """Return the table of the rows on random partitions."""
    of = recipe.partitions
    if of is None:
        raise ValueError("recipe: expected a [partitions] table, but there is none")
    cells = [["", "partitions", *map(title, recipe.metrics), *(f"pooled {title(one)}" for one in recipe.metrics)]]
    for row in rows:
        shown = [figure(**_summary(values(metric))) for values in (row.means, row.pooled) for metric in recipe.metrics]
        cells.append([row.name, str(len(row.rows)), *shown])
    kind = f"{'stratified ' if of.stratified and of.split != 'random' else ''}{of.folds} folds"
    note = (
        f"Mean ± standard deviation over random partitions into {kind} by {of.split}; on each, the mean over its "
        f"folds. {MEANING}. Sample standard deviations (n − 1)."
    )
    return Grid(f"{dataset_label(of.dataset)}: {of.number} random partitions, test", cells, note)


def _summary(values: Sequence[float]) -> dict[str, float]:
    known = [value for value in values if not math.isnan(value)]
    std = float(np.std(known, ddof=1)) if len(known) > 1 else math.nan
    return {"mean": float(np.mean(known)) if known else math.nan, "std": std}
