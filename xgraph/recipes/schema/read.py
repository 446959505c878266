"""Read recipes from TOML files and check them completely before anything runs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from xgraph.options import OptionError
from xgraph.recipes.schema.chain import checked_start
from xgraph.recipes.schema.cut import cut_file, cut_outcome
from xgraph.recipes.schema.entries import MemberEntry, PretrainingEntry, Quick
from xgraph.recipes.schema.file import RecipeFile, read_file
from xgraph.recipes.schema.outcome import with_outcome
from xgraph.recipes.schema.places import at, dataset_at, entry_place
from xgraph.recipes.schema.recipe import Member, Pretraining, Recipe
from xgraph.recipes.schema.settings import Layer, check_settings, resolve
from xgraph.recipes.schema.shipped import find_recipe
from xgraph.training.config.build import TrainConfig
from xgraph.training.config.folds import chosen_folds
from xgraph.training.files.rundir import dataset_label
from xgraph.training.pretraining.settings import build_pretrain_config


def read_recipe(recipe: str | Path, *, quick: bool = False) -> Recipe:
    """Read a recipe and check everything in it, including `[quick]`."""
    path = find_recipe(recipe)
    file = read_file(path)
    with at(path):
        file = file.model_copy(update={"member": _with_datasets(file, path.parent)})
        encoders = _pretrainings(file, path.parent)
        full = Recipe(path, file.title, file.about, file.time, file.metrics, [], pretrainings=encoders)
        full = replace(full, cut_down=file.cut_down)
        full = with_outcome(_with_members(full, file), file)
        for encoder in encoders:
            if all(member.config.init != encoder.name for member in full.members):
                raise OptionError(f"[[pretraining]] {encoder.name!r}: expected a member with init = {encoder.name!r}")
        if file.quick is None:
            if quick:
                raise OptionError("quick: this recipe has no [quick] table, so it cannot be reduced")
            return full
        left = cut_file(file, file.quick, full)
        short = _with_members(
            replace(full, members=[], ensembles=[], choices=[], partitions=None, submission=None, claim=None),
            left,
            file.quick,
        )
        short = cut_outcome(short, full, file.quick)
    return short if quick else full


def _with_datasets(file: RecipeFile, folder: Path) -> list[MemberEntry]:
    """Return the members with their data sets resolved, after checking that their names differ."""
    members: list[MemberEntry] = []
    with at("[settings]"):
        common = [dataset_at(folder, "dataset", text) for text in file.settings.dataset]
    for number, one in enumerate(file.member, 1):
        with at(entry_place("member", number, one.name)):
            datasets = [dataset_at(folder, "dataset", text) for text in one.dataset] or common
            if not datasets:
                raise OptionError("dataset is missing: give it here or in [settings]")
            for other in members:
                twice = set(datasets) & set(other.dataset)
                problem = ""
                if other.name == one.name and twice:
                    problem = f"this name is taken by an earlier member on {min(twice)}"
                elif other.name != one.name and other.name.lower() == one.name.lower():
                    problem = f"names must differ in more than case, but there is {other.name!r}"
                if problem:
                    raise OptionError(f"name = {one.name!r}: {problem}")
            members.append(one.model_copy(update={"dataset": datasets}))
    every = list(dict.fromkeys(dataset for one in members for dataset in one.dataset))
    if len(set(map(dataset_label, every))) < len(every):
        raise OptionError(f"[settings]: dataset: expected files with different names, got {', '.join(every)}")
    return members


def _pretrainings(file: RecipeFile, folder: Path) -> list[Pretraining]:
    encoders: list[Pretraining] = []
    for number, one in enumerate(file.pretraining, 1):
        with at(entry_place("pretraining", number, one.name)):
            if one.name.lower() in {other.name.lower() for other in encoders}:
                raise OptionError(f"name = {one.name!r}: this name is taken by an earlier encoder")
            settings = {**one.settings, **_datasets_of(one, folder)}
            encoders.append(Pretraining(one.name, settings, build_pretrain_config(settings)))
        if one.name.lower() in {member.name.lower() for member in file.member}:
            raise OptionError(f"[[pretraining]] {one.name!r}: this name is taken by a member")
    return encoders


def _datasets_of(one: PretrainingEntry, folder: Path) -> dict[str, list[str]]:
    """Return the data sets of an encoder, and those that it excludes, resolved."""
    from xgraph.data.cards.named import names

    settings: dict[str, list[str]] = {}
    for key in ("datasets", "exclude"):
        # A part of a data set, such as `hiv:test`, can be excluded; the part is checked when the data are loaded.
        part = {text for text in one.exclude if key == "exclude" and text.split(":")[0] in names()}
        texts = [text if text in part else dataset_at(folder, key, text) for text in getattr(one, key)]
        settings |= {key: texts} if texts else {}
    return settings


def _with_members(recipe: Recipe, file: RecipeFile, quick: Quick | None = None) -> Recipe:
    """Return the recipe with one member per entry and data set, after checking their settings and `init`."""
    common = Layer("[settings]", file.settings.settings)
    changes = Layer("[quick.settings]", {} if quick is None else quick.settings)
    last = common if quick is None else changes
    check_settings(last)
    places: list[str] = []
    used: set[str] = set()
    members: list[Member] = []
    for number, one in enumerate(file.member, 1):
        own = Layer(entry_place("member", number, one.name), one.settings)
        for dataset in one.dataset:
            resolved = resolve(own, common, changes, dataset, 1.0 if quick is None else quick.share_of_epochs)
            used |= resolved.shared
            with at(own.place):
                folds = _check_data(resolved.config)
            members.append(Member(one.name, dataset, one.seeds, resolved.settings, resolved.config, folds))
            places.append(own.place)
    if not members:
        raise OptionError("[quick]: expected at least one remaining member")
    check_settings(last, used)
    return _with_starts(replace(recipe, members=members), places, [one.name for one in file.member])


def _with_starts(recipe: Recipe, places: Sequence[str], names: list[str]) -> Recipe:
    members = []
    for member, place in zip(recipe.members, places, strict=True):
        with at(place):
            members.append(checked_start(member, recipe, names))
    return replace(recipe, members=members)


def _check_data(config: TrainConfig) -> list[int] | None:
    """Check split, folds and tasks against the data set; return the folds of a run over several, or None."""
    from xgraph.data import load_card
    from xgraph.data.cards.named import names
    from xgraph.data.cards.targets import card_targets

    if config.dataset in names():
        card = load_card(config.dataset)
        if config.split is not None and config.split not in card.splits:
            raise OptionError(f"split = {config.split!r}: expected one of {', '.join(card.splits)} for {card.name!r}")
        card_targets(card, config.target_columns)
    if config.fold is None:
        return None
    if isinstance(config.fold, list | str):
        return chosen_folds(config)
    chosen_folds(config.replace(fold=[config.fold]))
    return None
