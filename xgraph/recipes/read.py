"""Recipes from TOML files, checked whole before anything runs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from xgraph.options import OptionError
from xgraph.recipes.chain import check_starts
from xgraph.recipes.cut import Cut
from xgraph.recipes.outcome import check_metrics, read_outcome
from xgraph.recipes.places import dataset_at, folder_name
from xgraph.recipes.pretraining import Pretraining, read_pretrainings
from xgraph.recipes.recipe import DEFAULT_METRICS, Member, Recipe
from xgraph.recipes.settings import Layer, check_settings, resolve
from xgraph.recipes.shipped import find_recipe
from xgraph.recipes.table import Table, are_texts, is_text
from xgraph.training.config.build import TrainConfig
from xgraph.training.config.folds import chosen_folds
from xgraph.training.files.rundir import dataset_label

_KEYS = (
    *(
        "title",
        "about",
        "time",
        "cut_down",
        "metrics",
        "settings",
        "pretraining",
        "member",
        "ensemble",
        "compare",
        "published",
    ),
    *("submission", "quick"),
)


class _Draft(NamedTuple):
    """A `[[member]]` as written."""

    name: str
    seeds: list[int]
    datasets: list[str]
    own: Layer


def read_recipe(recipe: str | Path, *, quick: bool = False) -> Recipe:
    """Read a recipe and check all that it says, its `[quick]` too."""
    table = Table.read(find_recipe(recipe))
    table.check_keys(_KEYS)
    title, about, time = table.text("title"), table.text("about"), table.text("time", "")
    metrics = table.texts("metrics", DEFAULT_METRICS)
    check_metrics(table, "metrics", metrics)
    common = table.table("settings", {})
    layer = Layer(common, common.rest())
    encoders, drafts = read_pretrainings(table), _drafts(table, layer)
    for encoder in encoders:
        if any(draft.name.lower() == encoder.name.lower() for draft in drafts):
            raise table.error(f"[[pretraining]] {encoder.name!r}: expected another name than that of a member")
    members = _members(drafts, layer, encoders)
    full = Recipe(
        table.file,
        title,
        about,
        time,
        metrics,
        members,
        cut_down=table.text("cut_down", ""),
        pretrainings=encoders,
    )
    for encoder in encoders:
        if all(member.config.init != encoder.name for member in members):
            raise table.error(f"[[pretraining]] {encoder.name!r}: expected a member that starts from it by init")
    full = read_outcome(table, full)
    short = None
    if "quick" in table:
        cut = Cut.read(table.table("quick"), full)
        short = cut.shorten(full, _members(drafts, layer, encoders, cut))
    if not quick:
        return full
    if short is None:
        raise table.error("quick: there is no [quick] in this recipe, which would say how it is cut down")
    return short


def _drafts(table: Table, common: Layer) -> list[_Draft]:
    drafts: list[_Draft] = []
    for one in table.tables("member"):
        name = folder_name(one)
        one = one.at(f"{one.place} ({name!r})")
        seeds, values = one.integers("seeds", [0]), one.rest()
        where = one if "dataset" in values else common.table
        found = values.pop("dataset", common.values.get("dataset"))
        if found is None:
            raise one.error("dataset is missing: expected it here or in [settings]")
        if not (is_text(found) or are_texts(found)):
            raise where.refuse("dataset", found, "a data set, or a list of different ones")
        datasets = [dataset_at(where, "dataset", text) for text in (found if isinstance(found, list) else [found])]
        for other in drafts:
            twice = set(datasets) & set(other.datasets)
            if other.name == name and twice:
                raise one.refuse("name", name, f"another name than that of a member before, also on {min(twice)}")
            if other.name != name and other.name.lower() == name.lower():
                raise one.refuse("name", name, f"one that differs from {other.name!r} in more than case")
        drafts.append(_Draft(name, seeds, datasets, Layer(one, values)))
    return drafts


def _members(
    drafts: Sequence[_Draft], common: Layer, encoders: Sequence[Pretraining], cut: Cut | None = None
) -> list[Member]:
    """The members, one for each data set of a draft, with their settings checked."""
    base = Layer(common.table, {name: value for name, value in common.values.items() if name != "dataset"})
    quick = Layer(common.table, {}) if cut is None else Layer(cut.table.at("[quick.settings]"), cut.settings)
    check_settings(base if cut is None else quick)
    members: list[Member] = []
    tables: list[Table] = []
    used: set[str] = set()
    for draft in drafts:
        for dataset in draft.datasets:
            if cut is not None and not cut.keeps(draft.name, dataset):
                continue
            found = resolve(draft.own, base, quick, dataset, 1.0 if cut is None else cut.share_of_epochs)
            used |= found.shared
            folds = _check_data(found.config, draft.own.table)
            seeds = (cut.seeds if cut is not None else None) or draft.seeds
            members.append(Member(draft.name, dataset, seeds, found.given, found.config, folds))
            tables.append(draft.own.table)
    labels = {dataset: dataset_label(dataset) for draft in drafts for dataset in draft.datasets}
    if len(set(labels.values())) < len(labels):
        raise common.table.error(f"dataset: expected files of different names, got {', '.join(labels)}")
    if cut is not None and not members:
        raise cut.table.error("no member is left")
    check_settings(base if cut is None else quick, used)
    return check_starts(members, tables, [draft.name for draft in drafts], encoders)


def _check_data(config: TrainConfig, table: Table) -> list[int] | None:
    """Refuse a split, folds or tasks that a data set has not; the folds that a run goes through, if any."""
    from xgraph.data import load_card
    from xgraph.data.cards.named import names
    from xgraph.data.cards.targets import card_targets

    several = isinstance(config.fold, list | str)
    try:
        if config.dataset in names():
            card = load_card(config.dataset)
            if config.split is not None and config.split not in card.splits:
                raise table.refuse("split", config.split, f"one of {', '.join(card.splits)} for {card.name!r}")
            card_targets(card, config.target_columns)
        if config.fold is None:
            return None
        folds = chosen_folds(config if several else replace(config, fold=[config.fold]))  # type: ignore[list-item]
    except OptionError as error:
        raise error if str(table.file) in str(error) else table.error(str(error)) from None
    except ValueError as error:
        raise table.error(str(error)) from None
    return folds if several else None
