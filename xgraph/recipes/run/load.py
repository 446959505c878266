"""Fetch and load the data of a recipe before its runs, so that what is missing is noticed before hours have passed."""

from typing import Any

from xgraph.recipes.schema.recipe import Recipe
from xgraph.training.config.folds import chosen_folds
from xgraph.training.fit.loading import load_data, load_options


def check_packages(recipe: Recipe) -> None:
    """Raise `OptionError` if a package that computes features is not installed."""
    from xgraph.data import descriptor_names

    descriptor_names(sorted({kind for member in recipe.members for kind in member.config.features or []}))


def fetch_all(recipe: Recipe) -> None:
    """Fetch all data sets."""
    from xgraph.data import fetch
    from xgraph.data.cards.named import names

    pretrained_on = [dataset for one in recipe.pretrainings for dataset in one.config.datasets]
    for dataset in dict.fromkeys([*recipe.datasets, *pretrained_on]):
        if dataset in names():
            fetch(dataset)


def load_all(recipe: Recipe, progress: bool) -> None:
    """Load the data of all members once, so that features are computed with all cores, and by one process only."""
    loaded: list[dict[str, Any]] = []
    for member in recipe.members:
        options = {**load_options(member.config), "fold": None, "seed": None}
        if options not in loaded:
            loaded.append(options)
            fold = chosen_folds(member.config)[0] if member.folds is not None else member.config.fold
            load_data(member.config.replace(fold=fold), progress)
