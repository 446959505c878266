"""Apply `[quick]`: reduce a recipe to a run of minutes."""

from collections.abc import Sequence
from dataclasses import replace

from xgraph.recipes.schema.file import Quick, RecipeFile
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
    """Return the recipe of the remaining members with the ensembles, choices and comparisons that are possible."""
    trained, datasets = {one.name for one in short.members}, set(short.datasets)
    ensembles = []
    for one in full.ensembles:
        left = [name for name in one.members if name in trained]
        if len(left) > 1 and one.name not in quick.leave_out:
            ensembles.append(one.model_copy(update={"members": left}))
    names = trained | {one.name for one in ensembles}
    choices = []
    for choice in full.choices:
        left = [name for name in choice.candidates if name in names]
        if left and choice.name not in quick.leave_out:
            choices.append(choice.model_copy(update={"candidates": left}))
    names |= {one.name for one in choices}
    last = full.submission
    starts = {one.config.init for one in short.members}
    return replace(
        short,
        pretrainings=[_shortened(one, quick.share_of_epochs) for one in full.pretrainings if one.name in starts],
        time=quick.time,
        ensembles=ensembles,
        choices=choices,
        comparisons=[one for one in full.comparisons if {one.one, one.other} <= names],
        published=[one for one in full.published if one.dataset in datasets],
        submission=last if last is not None and last.of in names and last.dataset in datasets else None,
        cut_down=_words(quick, short.datasets if quick.datasets else []),
    )


def _shortened(encoder: Pretraining, share_of_epochs: float) -> Pretraining:
    settings = {**encoder.settings, "epochs": max(1, round(encoder.config.epochs * share_of_epochs))}
    return Pretraining(encoder.name, settings, build_pretrain_config(settings))


def _words(quick: Quick, datasets: Sequence[str]) -> str:
    """Describe the reduction for reports."""
    parts = [f"only data sets {', '.join(datasets)}"] if datasets else []
    parts += [f"only seeds {', '.join(map(str, quick.seeds))}"] if quick.seeds else []
    parts += [f"{quick.share_of_epochs:.3g} of the epochs"] if quick.share_of_epochs < 1 else []
    parts += [f"{name} = {value}" for name, value in quick.settings.items()]
    parts += [f"without {', '.join(quick.leave_out)}"] if quick.leave_out else []
    return "; ".join(parts) or "nothing"
