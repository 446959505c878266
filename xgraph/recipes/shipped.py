"""The recipes that come with the package."""

from pathlib import Path
from typing import NamedTuple

from xgraph.options import OptionError, nearest
from xgraph.recipes.table import Table


class Headline(NamedTuple):
    """What lists say of a recipe.

    Args:
        name: Its name.
        title: One line.
        time: How long it takes.
        quick: How long it takes cut down.
    """

    name: str
    title: str
    time: str
    quick: str


def recipe_names() -> list[str]:
    """Names of the recipes that are shipped."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.toml"))


def headlines() -> list[Headline]:
    """The recipes that are shipped, without a check of all that they hold."""
    tables = {name: Table.read(find_recipe(name)) for name in recipe_names()}
    return [
        Headline(name, table.text("title"), table.text("time", ""), table.table("quick", {}).text("time", ""))
        for name, table in tables.items()
    ]


def find_recipe(recipe: str | Path) -> Path:
    """The file of a recipe."""
    path, name = Path(recipe), str(recipe)
    if path.suffix == ".toml" or len(path.parts) > 1:
        if not path.is_file():
            raise FileNotFoundError(f"recipe: no file {path}")
        return path
    if name not in recipe_names():
        known = recipe_names()
        raise OptionError(f"recipe: no recipe {name!r}{nearest(name, known)}; there are {', '.join(known)}")
    return Path(__file__).parent / f"{name}.toml"
