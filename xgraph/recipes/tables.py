"""The tables of a report."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from xgraph.recipes.compare import Paired
from xgraph.recipes.measures import title
from xgraph.recipes.recipe import Published, Recipe
from xgraph.recipes.results import Row
from xgraph.training.files.rundir import dataset_label


@dataclass(frozen=True)
class Grid:
    """A table of text.

    Args:
        heading: What stands above it.
        rows: Its cells, those of the header first.
        note: What stands below it.
    """

    heading: str
    rows: list[list[str]]
    note: str = ""


def tables_of(recipe: Recipe, rows: Sequence[Row], compared: Sequence[tuple[Row, Row, str, Paired]]) -> list[Grid]:
    """All tables of a report: metrics, published rows, comparisons, and the parts one by one."""
    grids = []
    for dataset in recipe.datasets:
        here = [row for row in rows if row.dataset == dataset]
        published = [_beside(recipe, row) for row in recipe.published if row.dataset == dataset]
        pairs = [pair for pair in compared if pair[0].dataset == dataset]
        label = dataset_label(dataset)
        grids.append(_metrics(recipe, label, here, [row for row in published if not row.protocol]))
        elsewhere = [row for row in published if row.protocol]
        if elsewhere:
            grids.append(_elsewhere(recipe, label, elsewhere))
        if pairs:
            grids.append(_comparisons(label, pairs))
        grids += _by_part(recipe, label, here)
    return grids


def _beside(recipe: Recipe, row: Published) -> Published:
    """A published row as this run may be put beside it: never beside a cut-down one."""
    return replace(row, protocol=row.protocol or "the full one, which this run is not") if recipe.cut_down else row


def figure(mean: float | None, std: float | None = None) -> str:
    """A mean with its standard deviation, as tables have it."""
    if mean is None or math.isnan(mean):
        return "-"
    return f"{mean:.4f}" if std is None or math.isnan(std) else f"{mean:.4f} ± {std:.4f}"


def _metrics(recipe: Recipe, label: str, rows: Sequence[Row], published: Sequence[Published]) -> Grid:
    lead = recipe.metrics[0]
    lines = [(row, name, summary) for row in rows for name, summary in summaries(row)]
    validated = any("valid" in summary for _, _, summary in lines)
    cells = [["", "runs", *map(title, recipe.metrics), *([f"valid {title(lead)}"] if validated else [])]]
    for row, name, summary in lines:
        shown = [_summed(summary["test"], metric) for metric in recipe.metrics]
        shown += [_summed(summary["valid"], lead) if "valid" in summary else "-"] if validated else []
        cells.append([name, str(sum(len(member.seeds) for member in row.members)), *shown])
    for one in published:
        shown = [figure(*one.values[metric]) if metric in one.values else "-" for metric in recipe.metrics]
        cells.append([f"published: {one.name} ({one.source})", "", *shown, *([""] if validated else [])])
    return Grid(f"{label}: test", cells, _meaning(rows))


def summaries(row: Row) -> list[tuple[str, dict[str, Any]]]:
    """The lines of a row: of several seeds each alone and all together, where there are both; else one."""
    if not row.single:
        return [(row.name, row.of_all())]
    if len(row.single) == 1 or row.members[0].drawn_by_seed:
        return [(row.name, row.of_single_seeds())]
    alone, all_ = ("single runs", "seeds averaged") if row.is_member else ("one seed each", "all seeds")
    return [(f"{row.name}, {alone}", row.of_single_seeds()), (f"{row.name}, {all_}", row.of_all())]


def _summed(summary: Mapping[str, Any], metric: str) -> str:
    return figure(summary["mean"].get(metric), summary["std"].get(metric))


def _meaning(rows: Sequence[Row]) -> str:
    """What the mean is over."""
    notes = []
    for row in rows:
        member, parts = row.members[0], row.parts
        if member.drawn_by_seed:
            note = f"mean ± standard deviation over {len(parts)} seeds, each with a split of its own"
        elif parts != [None]:
            note = f"mean ± standard deviation over the folds {', '.join(map(str, parts))}"
        else:
            note = "mean ± standard deviation over seeds"
        notes.append(note)
    return "; ".join(dict.fromkeys(notes)) + ". Standard deviations are those of a sample (n − 1)."


def _elsewhere(recipe: Recipe, label: str, published: Sequence[Published]) -> Grid:
    names = [metric for metric in recipe.metrics if any(metric in one.values for one in published)]
    names += [metric for one in published for metric in one.values if metric not in names]
    names = list(dict.fromkeys(names))
    cells = [["", *map(title, names), "protocol"]]
    for one in published:
        shown = [figure(*one.values[metric]) if metric in one.values else "-" for metric in names]
        cells.append([f"{one.name} ({one.source})", *shown, one.protocol])
    return Grid(f"{label}: published under other protocols, not to be compared", cells)


def _comparisons(label: str, compared: Sequence[tuple[Row, Row, str, Paired]]) -> Grid:
    cells = [["", "metric", "difference", "pairs", "better", "worse", "p (Wilcoxon)"]]
    for one, other, metric, said in compared:
        p = "-" if math.isnan(said.p) else f"{said.p:.4f}"
        counts = [str(said.pairs), str(said.better), str(said.worse)]
        cells.append([f"{one.name} − {other.name}", title(metric), figure(said.mean, said.std), *counts, p])
    notes = []
    for one, *_ in compared:
        by_fold = one.parts != [None] and not one.members[0].drawn_by_seed
        notes.append("folds, in each all scores put together" if by_fold else "seeds")
    pairs = "; ".join(dict.fromkeys(notes))
    return Grid(f"{label}: compared", cells, f"Pairs are {pairs}. Exact signed-rank test, two-sided.")


def _by_part(recipe: Recipe, label: str, rows: Sequence[Row]) -> list[Grid]:
    """The two leading metrics of each fold; of the rows that have the same folds, a table."""
    grids = []
    groups: dict[tuple[int | None, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row.parts), []).append(row)
    for parts, members in groups.items():
        if len(parts) < 2:
            continue
        what = "seed" if members[0].members[0].drawn_by_seed else "fold"
        for metric in recipe.metrics[:2]:
            cells = [[what, *map(str, parts)]]
            for row in members:
                cells.append([row.name, *(figure(row.together[part]["test"].get(metric)) for part in parts)])
            grids.append(Grid(f"{label}: {title(metric)} by {what}", cells))
    return grids
