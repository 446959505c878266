"""The tables of a report."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xgraph.data.cards.pretrained import sentences
from xgraph.recipes.report.compare import Paired
from xgraph.recipes.report.pooled import MEANING
from xgraph.recipes.report.results import Row
from xgraph.recipes.schema.entries import Published
from xgraph.recipes.schema.metrics import title
from xgraph.recipes.schema.recipe import Recipe
from xgraph.training.files.rundir import dataset_label


@dataclass(frozen=True)
class Grid:
    """A table of text: a heading, rows of cells with the header first, and a note."""

    heading: str
    rows: list[list[str]]
    note: str = ""


def tables_of(recipe: Recipe, rows: Sequence[Row], compared: Sequence[tuple[Row, Row, str, Paired]]) -> list[Grid]:
    """Return all tables of a report: metrics, published results, comparisons, and metrics of each part."""
    grids = []
    for dataset in recipe.datasets:
        own = [row for row in rows if row.dataset == dataset]
        published = [_beside(recipe, row) for row in recipe.published if row.dataset == dataset]
        pairs = [pair for pair in compared if pair[0].dataset == dataset]
        label = dataset_label(dataset)
        grids.append(_metrics(recipe, label, own, [row for row in published if not row.protocol]))
        if any(row.pooled for row in own):
            grids.append(_pooled(recipe, label, own))
        elsewhere = [row for row in published if row.protocol]
        if elsewhere:
            grids.append(_elsewhere(recipe, label, elsewhere))
        if pairs:
            grids.append(_comparisons(label, pairs))
        grids += _by_part(recipe, label, own)
    return grids


def _beside(recipe: Recipe, row: Published) -> Published:
    """Return a published row; for a reduced run, it always counts as one of another protocol."""
    protocol = row.protocol or ("the full protocol of this recipe" if recipe.cut_down else "")
    return row.model_copy(update={"protocol": protocol})


def with_ties(metrics: Sequence[str]) -> list[str]:
    """Return the columns of a table: the share of tied scores follows the area that ties distort."""
    columns = [metric for metric in metrics if metric != "tied"]
    if "prc_auc" in columns:
        columns.insert(columns.index("prc_auc") + 1, "tied")
    return columns if "prc_auc" in columns else list(metrics)


def figure(mean: float | None, std: float | None = None) -> str:
    """Format a mean and its standard deviation for a table."""
    if mean is None or math.isnan(mean):
        return "-"
    return f"{mean:.4f}" if std is None or math.isnan(std) else f"{mean:.4f} ± {std:.4f}"


def _figures_of(row: Published, metrics: Sequence[str]) -> list[str]:
    return [figure(*row.values[metric]) if metric in row.values else "-" for metric in metrics]


def _metrics(recipe: Recipe, label: str, rows: Sequence[Row], published: Sequence[Published]) -> Grid:
    lead, columns = recipe.metrics[0], with_ties(recipe.metrics)
    lines = [(row, name, summary) for row in rows for name, summary in summaries(row)]
    validated = any("valid" in summary for _, _, summary in lines)
    cells = [["", "runs", *map(title, columns), *([f"valid {title(lead)}"] if validated else [])]]
    for row, name, summary in lines:
        shown = [_summed(summary["test"], metric) for metric in columns]
        shown += [_summed(summary["valid"], lead) if "valid" in summary else "-"] if validated else []
        cells.append([name, str(sum(len(member.seeds) for member in row.members)), *shown])
    for one in published:
        shown = _figures_of(one, columns)
        cells.append([f"published: {one.name} ({one.source})", "", *shown, *([""] if validated else [])])
    return Grid(f"{label}: test", cells, " ".join([_meaning(rows), *_pretrained(rows)]))


def _pooled(recipe: Recipe, label: str, rows: Sequence[Row]) -> Grid:
    cells = [["", *map(title, recipe.metrics)]]
    cells += [[row.name, *(figure(row.pooled.get(one)) for one in recipe.metrics)] for row in rows if row.pooled]
    return Grid(f"{label}: test items of all folds pooled", cells, f"{MEANING}. All seeds combined.")


def summaries(row: Row) -> list[tuple[str, dict[str, Any]]]:
    """Return the table lines of a row: one for single seeds and one for all seeds combined, where both exist."""
    if not row.single:
        return [(row.name, row.summarize_combined())]
    if len(row.single) == 1 or row.members[0].drawn_by_seed:
        return [(row.name, row.summarize_single())]
    alone, all_ = ("single runs", "seeds averaged") if row.is_member else ("one seed each", "all seeds")
    return [(f"{row.name}, {alone}", row.summarize_single()), (f"{row.name}, {all_}", row.summarize_combined())]


def _summed(summary: Mapping[str, Any], metric: str) -> str:
    return figure(summary["mean"].get(metric), summary["std"].get(metric))


def _meaning(rows: Sequence[Row]) -> str:
    """Return a note that says what the means are taken over."""
    notes = []
    for row in rows:
        member, parts = row.members[0], row.parts
        if member.drawn_by_seed:
            note = f"mean ± standard deviation over {len(parts)} seeds, each with its own split"
        elif parts != [None]:
            note = f"mean ± standard deviation over folds {', '.join(map(str, parts))}"
        else:
            note = "mean ± standard deviation over seeds"
        notes.append(note)
    text = "; ".join(dict.fromkeys(notes))
    return f"{text[:1].upper()}{text[1:]}. Sample standard deviations (n − 1)."


def _pretrained(rows: Sequence[Row]) -> list[str]:
    """Return what pretrained encoders may have seen of a data set, and which rows use them."""
    seen = {kind: one for row in rows for kind, one in row.pretrained.items()}
    users = {kind: ", ".join(row.name for row in rows if kind in row.pretrained) for kind in seen}
    return [f"Pretrained, in {users[kind]}: {text}" for kind, text in zip(seen, sentences(seen), strict=True)]


def _elsewhere(recipe: Recipe, label: str, published: Sequence[Published]) -> Grid:
    reported = [metric for one in published for metric in one.values]
    names = list(dict.fromkeys([*(metric for metric in recipe.metrics if metric in reported), *reported]))
    cells = [["", *map(title, names), "protocol"]]
    cells += [[f"{one.name} ({one.source})", *_figures_of(one, names), one.protocol] for one in published]
    return Grid(f"{label}: published with other protocols (not comparable)", cells)


def _comparisons(label: str, compared: Sequence[tuple[Row, Row, str, Paired]]) -> Grid:
    cells = [["", "metric", "difference", "pairs", "better", "worse", "p (Wilcoxon)"]]
    for one, other, metric, pairs in compared:
        p = "-" if math.isnan(pairs.p) else f"{pairs.p:.4f}"
        counts = [str(pairs.pairs), str(pairs.better), str(pairs.worse)]
        cells.append([f"{one.name} − {other.name}", title(metric), figure(pairs.mean, pairs.std), *counts, p])
    notes = []
    for one, *_ in compared:
        by_fold = one.parts != [None] and not one.members[0].drawn_by_seed
        notes.append("fold (with the scores of all seeds combined)" if by_fold else "seed")
    over = "; ".join(dict.fromkeys(notes))
    return Grid(f"{label}: paired comparisons", cells, f"Paired by {over}. Exact two-sided Wilcoxon signed-rank test.")


def _by_part(recipe: Recipe, label: str, rows: Sequence[Row]) -> list[Grid]:
    """Return tables of the first two metrics by fold, with one table per group of rows with the same folds."""
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
                cells.append([row.name, *(figure(row.combined[part]["test"].get(metric)) for part in parts)])
            grids.append(Grid(f"{label}: {title(metric)} by {what}", cells))
    return grids
