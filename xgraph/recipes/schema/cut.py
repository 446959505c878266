"""Apply `[quick]`: reduce a recipe to a run of minutes."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from xgraph.recipes.schema.entries import Partitions, Quick
from xgraph.recipes.schema.file import RecipeFile
from xgraph.recipes.schema.outcome import same_seeds
from xgraph.recipes.schema.places import at, check_known
from xgraph.recipes.schema.recipe import Pretraining, Recipe
from xgraph.training.pretraining.settings import build_pretrain_config


def cut_file(file: RecipeFile, quick: Quick, recipe: Recipe) -> RecipeFile:
    """Return the file with the remaining data sets and seeds of its members; members left out have no data set."""
    with at("[quick]"):
        datasets = [recipe.find_dataset(text) or text for text in quick.datasets]
        for dataset in datasets:
            check_known("datasets", dataset, recipe.datasets)
        for name in quick.leave_out:
            check_known("leave_out", name, recipe.names)
    members = []
    for one in file.member:
        left = [dataset for dataset in one.dataset if not datasets or dataset in datasets]
        changes = {"dataset": [] if one.name in quick.leave_out else left, "seeds": quick.seeds or one.seeds}
        members.append(one.model_copy(update=changes))
    return file.model_copy(update={"member": members})


def cut_outcome(short: Recipe, full: Recipe, quick: Quick) -> Recipe:
    """Return the recipe of the remaining members with all else that is still possible."""
    starts = {one.config.init for one in short.members}
    short = replace(
        still_possible(short, full, quick.leave_out),
        pretrainings=[_shortened(one, quick.share_of_epochs) for one in full.pretrainings if one.name in starts],
        time=quick.time,
        cut_down=_words(quick, short.datasets if quick.datasets else [], full.partitions),
    )
    if short.partitions is None or not quick.partitions:
        return replace(short, partitions=None)
    number = min(quick.partitions, short.partitions.number)
    return replace(short, partitions=short.partitions.model_copy(update={"number": number}))


def still_possible(short: Recipe, full: Recipe, left_out: Sequence[str] = ()) -> Recipe:
    """Return a recipe of some members with the ensembles, choices, comparisons and so on that are possible with them.

    Args:
        short: The recipe of these members.
        full: The recipe of all members.
        left_out: Names of ensembles and choices to leave out.
    """
    trained, datasets = {one.name for one in short.members}, set(short.datasets)
    ensembles = []
    for one in full.ensembles:
        left = [name for name in one.members if name in trained]
        if len(left) > 1 and one.name not in left_out:
            ensembles.append(one.model_copy(update={"members": left}))
    names = trained | {one.name for one in ensembles}
    choices = []
    for choice in full.choices:
        left = [name for name in choice.candidates if name in names]
        if left and choice.name not in left_out:
            choices.append(choice.model_copy(update={"candidates": left}))
    names |= {one.name for one in choices}
    last, partitions, claim = full.submission, full.partitions, full.claim
    if partitions is not None:
        rows = [name for name in partitions.rows if name in names]
        there = bool(rows) and partitions.dataset in datasets
        partitions = partitions.model_copy(update={"rows": rows}) if there else None
    return replace(
        short,
        ensembles=ensembles,
        choices=choices,
        comparisons=[one for one in full.comparisons if {one.one, one.other} <= names | set(full.by_fold)],
        claim=claim
        if claim is not None and {claim.of, claim.former or claim.of} <= names | set(full.by_fold)
        else None,
        published=[one for one in full.published if one.dataset in datasets],
        partitions=partitions,
        submission=last if last is not None and last.of in names and last.dataset in datasets else None,
    )


def without_runs(recipe: Recipe, failed: Collection[Path]) -> Recipe:
    """Return the recipe of the runs that are left, with all else that is possible with them.

    Args:
        recipe: A recipe.
        failed: Paths of runs that failed, as in `Recipe.run_path`.
    """
    members = []
    for member in recipe.members:
        seeds = [seed for seed in member.seeds if recipe.run_path(member, seed) not in failed]
        members += [replace(member, seeds=seeds)] if seeds else []
    left = still_possible(replace(recipe, members=members), recipe)
    comparisons = []
    for pair in left.comparisons:
        both = [[left.members_of(name, dataset) for name in (pair.one, pair.other)] for dataset in left.datasets]
        if all(one[0].parts != [None] or same_seeds([*one, *other]) for one, other in both if one and other):
            comparisons.append(pair)
    return replace(left, comparisons=comparisons)


def _shortened(encoder: Pretraining, share_of_epochs: float) -> Pretraining:
    settings = {**encoder.settings, "epochs": max(1, round(encoder.config.epochs * share_of_epochs))}
    return Pretraining(encoder.name, settings, build_pretrain_config(settings))


def _words(quick: Quick, datasets: Sequence[str], partitions: Partitions | None) -> str:
    """Describe the reduction for reports."""
    parts = [f"only data sets {', '.join(datasets)}"] if datasets else []
    parts += [f"only seeds {', '.join(map(str, quick.seeds))}"] if quick.seeds else []
    parts += [f"{quick.share_of_epochs:.3g} of the epochs"] if quick.share_of_epochs < 1 else []
    parts += [f"{name} = {value}" for name, value in quick.settings.items()]
    parts += [] if partitions is None else [f"{quick.partitions} of {partitions.number} random partitions"]
    parts += [f"without {', '.join(quick.leave_out)}"] if quick.leave_out else []
    return "; ".join(parts) or "nothing"
