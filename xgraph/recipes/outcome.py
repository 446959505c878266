"""What a recipe makes of its runs: ensembles, comparisons, published rows beside them, a submission."""

import math
from dataclasses import replace
from typing import Any

from xgraph.options import nearest
from xgraph.recipes.measures import EXPECTED, further_metrics
from xgraph.recipes.recipe import Comparison, Ensemble, Member, Published, Recipe, Submission
from xgraph.recipes.table import Table
from xgraph.training.config.suits import Suit

_SAME = ("split", "target_columns", "smiles_column", "bag_column", "standardize")


def read_outcome(table: Table, recipe: Recipe) -> Recipe:
    """Read all that follows the members."""
    ensembles: list[Ensemble] = []
    for one in table.tables("ensemble", []):
        ensembles.append(_ensemble(one, replace(recipe, ensembles=ensembles)))
    recipe = replace(recipe, ensembles=ensembles)
    submission = table.table("submission") if "submission" in table else None
    return replace(
        recipe,
        comparisons=[_comparison(one, recipe) for one in table.tables("compare", [])],
        published=[_published(one, recipe) for one in table.tables("published", [])],
        submission=None if submission is None else _submission(submission, recipe),
    )


def check_metrics(table: Table, key: str, names: list[str]) -> None:
    """Refuse names of metrics that there are not."""
    for name in names:
        try:
            further_metrics([name])
        except ValueError:
            raise table.refuse(key, name, EXPECTED) from None


def _ensemble(table: Table, recipe: Recipe) -> Ensemble:
    made = Ensemble(table.text("name"), table.texts("members"), table.words("combine", ("mean", "rank"), "mean"))
    table.done()
    if made.name.lower() in {one.lower() for one in recipe.names}:
        raise table.refuse("name", made.name, "another name than that of a member or an ensemble before")
    known = list(dict.fromkeys(member.name for member in recipe.members))
    for name in made.members:
        _check_known(table, "members", name, known)
    if len(made.members) < 2:
        raise table.refuse("members", made.members, "two members or more")
    together = [replace(recipe, ensembles=[made]).members_of(made.name, dataset) for dataset in recipe.datasets]
    for members in filter(None, together):
        _check_same_items(table, members)
        if made.combine == "rank" and Suit.of(members[0].dataset, members[0].config.bag_column).several_classes:
            raise table.refuse("combine", "rank", "mean, as these are classes that exclude each other")
    if not any(together):
        raise table.refuse("members", made.members, "members that have a data set in common")
    return made


def _check_same_items(table: Table, members: list[Member]) -> None:
    """Refuse members whose scores are not of the same items."""
    first = members[0]
    for member in members[1:]:
        for name in _SAME:
            one, other = getattr(first.config, name), getattr(member.config, name)
            if one != other:
                raise table.error(
                    f"members: {first.name!r} has {name} = {one!r} and {member.name!r} has {other!r}: expected the "
                    "same items in all"
                )
        if first.parts != member.parts or first.config.fold != member.config.fold:
            what = "seeds, which draw the split" if first.drawn_by_seed else "folds"
            raise table.error(f"members: {first.name!r} and {member.name!r} have other {what}: expected the same")


def _comparison(table: Table, recipe: Recipe) -> Comparison:
    made = Comparison(table.text("one"), table.text("other"), table.text("metric", recipe.metrics[0]))
    table.done()
    check_metrics(table, "metric", [made.metric])
    for key, name in (("one", made.one), ("other", made.other)):
        _check_known(table, key, name, recipe.names)
    if made.one == made.other:
        raise table.refuse("other", made.other, f"another than {made.one!r}")
    pairs = [(recipe.members_of(made.one, at), recipe.members_of(made.other, at)) for at in recipe.datasets]
    pairs = [(one, other) for one, other in pairs if one and other]
    if not pairs:
        raise table.error(f"one: {made.one!r} and {made.other!r} have no data set in common")
    for one, other in pairs:
        _check_same_items(table, [*one, *other])
        if one[0].parts == [None] and len({tuple(sorted(member.seeds)) for member in (*one, *other)}) > 1:
            raise table.error(
                f"one: {made.one!r} and {made.other!r} have one split and other seeds: expected the same, to pair them"
            )
    return made


def _published(table: Table, recipe: Recipe) -> Published:
    name, source, protocol = table.text("name"), table.text("source"), table.text("protocol", "")
    dataset = _dataset(table, recipe)
    cells = table.table("values")
    values = cells.rest()
    table.done()
    if not values:
        raise cells.error("it is empty: expected a metric with its mean, or with [mean, standard deviation]")
    check_metrics(cells, "metric", list(values))
    return Published(
        name, {key: _figure(cells, key, value) for key, value in values.items()}, source, dataset, protocol
    )


def _figure(table: Table, key: str, value: Any) -> tuple[float, float | None]:
    numbers = value if isinstance(value, list) else [value]
    if len(numbers) not in (1, 2) or not all(_is_finite(number) for number in numbers):
        raise table.refuse(key, value, "a number, or [mean, standard deviation]")
    return float(numbers[0]), float(numbers[1]) if len(numbers) == 2 else None


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _submission(table: Table, recipe: Recipe) -> Submission:
    from xgraph.data import load_card
    from xgraph.data.cards.named import names

    of, dataset = table.text("of"), _dataset(table, recipe)
    file, columns, name = table.text("file"), table.texts("columns"), table.text("name", "test_predictions.csv")
    table.done()
    _check_known(table, "of", of, recipe.names)
    members = recipe.members_of(of, dataset)
    if not members or dataset not in names() or members[0].config.bag_column or load_card(dataset).kind != "graph":
        raise table.refuse("dataset", dataset, f"a registered data set of molecules that {of!r} is trained on")
    card = load_card(dataset)
    paths = [one.path for one in card.files]
    if file not in paths:
        raise table.refuse("file", file, f"a file of {dataset}, such as {', '.join(paths[:3])}")
    tasks = members[0].config.target_columns or card.target_columns
    if len(columns) != 1 + len(tasks):
        raise table.refuse("columns", columns, f"a column of SMILES and {len(tasks)} of scores")
    if "/" in name or not name.endswith(".csv"):
        raise table.refuse("name", name, "the name of a CSV file")
    return Submission(of, dataset, file, columns, name)


def _dataset(table: Table, recipe: Recipe) -> str:
    """The data set that a table is about; it goes without saying if there is one only."""
    only = {"default": recipe.datasets[0]} if len(recipe.datasets) == 1 else {}
    text: str = table.text("dataset", **only)
    dataset = recipe.find_dataset(text)
    if dataset is None:
        raise table.refuse("dataset", text, f"one of {', '.join(recipe.datasets)}")
    return dataset


def _check_known(table: Table, key: str, name: str, known: list[str]) -> None:
    if name not in known:
        raise table.error(f"{key}: no {name!r} in this recipe{nearest(name, known)}; there are {', '.join(known)}")
