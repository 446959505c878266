"""What the figures support: a row beside a board of published results, in plain sentences."""

import math
from collections.abc import Sequence
from itertools import combinations

from xgraph.recipes.report.results import Results, Row
from xgraph.recipes.schema.entries import Claim, Comparison, Published
from xgraph.recipes.schema.metrics import title
from xgraph.recipes.schema.recipe import Recipe


def claim_of(recipe: Recipe, results: Results, rows: Sequence[Row]) -> list[str]:
    """Return the sentences of a recipe's claim; none for a reduced run, which supports nothing."""
    claim = recipe.claim
    if claim is None or recipe.cut_down:
        return []
    row = next(one for one in rows if one.name == claim.of)
    board = [
        one
        for one in recipe.published
        if (one.source, one.dataset) == (claim.board, row.dataset) and not (one.protocol or one.folds)
    ]
    columns = [metric for metric in recipe.metrics if any(metric in one.values for one in board)]
    sentences = [_beside_best(row, board, columns)]
    if claim.former:
        sentences.append(_beside_former(results, rows, row, claim, columns[0]))
    return [*sentences, _standard_errors(row, board, columns)]


def _beside_best(row: Row, board: Sequence[Published], columns: Sequence[str]) -> str:
    figures = []
    for metric in columns:
        best = max(one.values[metric][0] for one in board if metric in one.values)
        figures.append((metric, _mean(row, metric)[0], best))
    reached = [_beside(*one) for one in figures if one[1] >= one[2]]
    missed = [_beside(*one) for one in figures if not one[1] >= one[2]]
    if not missed:
        return (
            f"{row.name} is numerically at or above the best published figure in each column, in one entry: "
            f"{'; '.join(reached)}."
        )
    below = f"below the best published figure in {'; '.join(missed)}"
    if not reached:
        return f"{row.name} is {below}."
    return f"{row.name} is numerically at or above the best published figure in {'; '.join(reached)}, but {below}."


def _beside(metric: str, own: float, best: float) -> str:
    return f"{title(metric)} {_short(own)} against {_short(best)}"


def _beside_former(results: Results, rows: Sequence[Row], row: Row, claim: Claim, metric: str) -> str:
    pair = Comparison(one=row.name, other=claim.former, metric=metric)
    other = next((one for one in rows if (one.name, one.dataset) == (claim.former, row.dataset)), None)
    theirs = results.other_values(pair, row, other) or []
    pairs = list(zip(row.values(metric), theirs, strict=True))
    ahead, behind = (sum(a > b for a, b in pairs), sum(a < b for a, b in pairs))
    return f"It is ahead of {claim.former} in {ahead} of {len(pairs)} folds and behind in {behind} ({title(metric)})."


def _standard_errors(row: Row, board: Sequence[Published], columns: Sequence[str]) -> str:
    """Say in which columns all differences between entries lie within one standard error."""
    folds = len(row.parts)
    within: list[str] = []
    beyond: list[str] = []
    for metric in columns:
        entries = [one.values[metric] for one in board if metric in one.values]
        figures = [_mean(row, metric), *((mean, std) for mean, std in entries if std is not None)]
        largest, errors = 0.0, [std / math.sqrt(folds) for _, std in figures]
        fits = True
        for (a, one), (b, other) in combinations(figures, 2):
            largest = max(largest, abs(a - b))
            fits &= abs(a - b) <= max(one, other) / math.sqrt(folds)
        range_ = f"{_short(min(errors))} to {_short(max(errors))}"
        words = f"{title(metric)} (at most {_short(largest)}; standard errors {range_})"
        (within if fits else beyond).append(words)
    if not beyond:
        return f"Differences between board entries lie within one standard error: {'; '.join(within)}."
    text = f"Some differences between board entries exceed one standard error: {'; '.join(beyond)}."
    return text if not within else f"{text} All lie within one standard error in {'; '.join(within)}."


def _mean(row: Row, metric: str) -> tuple[float, float]:
    summary = row.summarize_combined()["test"]
    return summary["mean"][metric], summary["std"][metric]


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")
