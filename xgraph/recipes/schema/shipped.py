"""The recipes that come with the package."""

from pathlib import Path
from typing import NamedTuple

from xgraph.options import OptionError, nearest
from xgraph.schema import read_toml

_FOLDER = Path(__file__).parents[1] / "shipped"


class Headline(NamedTuple):
    """What lists say of a recipe: name, title, and how long it takes in full and cut down."""

    name: str
    title: str
    time: str
    quick: str


def recipe_names() -> list[str]:
    """Names of the recipes that are shipped."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def headlines() -> list[Headline]:
    """The recipes that are shipped, without a check of all that they hold."""
    files = {name: read_toml(find_recipe(name), "recipe") for name in recipe_names()}
    return [Headline(name, one["title"], one["time"], one["quick"]["time"]) for name, one in files.items()]


def find_recipe(recipe: str | Path) -> Path:
    """The file of a recipe."""
    path, name = Path(recipe), str(recipe)
    if path.suffix == ".toml" or len(path.parts) > 1:
        if not path.is_file():
            raise FileNotFoundError(f"recipe: no file {path}")
        return path
    known = recipe_names()
    if name not in known:
        raise OptionError(f"recipe: no recipe {name!r}{nearest(name, known)}; there are {', '.join(known)}")
    return _FOLDER / f"{name}.toml"
