"""Choices in a report: how they were made, in words, and what was chosen in each part."""

from collections.abc import Sequence

from xgraph.recipes.report.results import Row
from xgraph.recipes.report.tables import Grid, figure
from xgraph.recipes.schema.entries import Choice
from xgraph.recipes.schema.metrics import title


def described(choice: Choice) -> str:
    """Say how a choice is made."""
    names = ", ".join(choice.candidates)
    what = f"the best of {names}"
    if choice.how == "greedy":
        start = "all" if choice.start == "all" else "the best"
        what = f"greedy mean rank of {names}, starting from {start}"
    items = (
        "the validation part"
        if choice.inner is None
        else f"the ranks within {choice.inner} inner folds{_of(choice)}, pooled"
    )
    return f"{what}, by {' and '.join(map(title, choice.metric))} of {items}"


def _of(choice: Choice) -> str:
    return "" if choice.inner_groups is None else f" of whole {choice.inner_groups}s"


def choice_grids(label: str, rows: Sequence[Row], choices: Sequence[Choice]) -> list[Grid]:
    """Return a table for each choice: what was chosen in each part, and the metric of each candidate."""
    known = {one.name: one for one in choices}
    grids = []
    for row in rows:
        choice = known.get(row.name)
        if choice is None or not row.choices:
            continue
        several = any(seed is not None for _, seed, _ in row.choices) and len(row.members[0].seeds) > 1
        made = [one for one in row.choices if one[1] is None or several or len(row.members[0].seeds) == 1]
        what = "seed" if row.members[0].drawn_by_seed else "fold"
        places = ([what] if row.parts != [None] else []) + (["seed"] if several else [])
        cells = [[*places, "chosen", "score", *choice.candidates]]
        notes = []
        for part, seed, one in made:
            place = ([str(part)] if row.parts != [None] else []) + (["all" if seed is None else str(seed)] * several)
            names = " + ".join(name if weight == 1 else f"{weight} × {name}" for name, weight in one.weights.items())
            cells.append([*place, names, figure(one.score), *(figure(one.scores[name]) for name in choice.candidates)])
            notes += [one.note] if one.note else []
        note = f"Scores: {' and '.join(map(title, choice.metric))} of the items that were chosen by."
        text = "; ".join(dict.fromkeys(notes))
        note += f" {text[:1].upper()}{text[1:]}." if text else ""
        grids.append(Grid(f"{label}: what {row.name} chose", cells, note))
    return grids
