"""The recipes that are shipped with the package."""

from pathlib import Path
from typing import NamedTuple

from xgraph.options import OptionError, nearest
from xgraph.schema import read_toml

_FOLDER = Path(__file__).parents[1] / "shipped"


class Headline(NamedTuple):
    """A recipe's entry in lists: its name, its title, and how long the full and the quick run take."""

    name: str
    title: str
    time: str
    quick: str


def recipe_names() -> list[str]:
    """Return the names of the shipped recipes."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def headlines() -> list[Headline]:
    """Return the entries of the shipped recipes, without checking the whole files."""
    files = {name: read_toml(find_recipe(name), "recipe") for name in recipe_names()}
    return [Headline(name, one["title"], one["time"], one["quick"]["time"]) for name, one in files.items()]


def find_recipe(recipe: str | Path) -> Path:
    """Return the path of a recipe, given by name or path."""
    path, name = Path(recipe), str(recipe)
    if path.suffix == ".toml" or len(path.parts) > 1:
        if not path.is_file():
            raise FileNotFoundError(f"recipe: no file {path}")
        return path
    known = recipe_names()
    if name not in known:
        raise OptionError(
            f"recipe: unknown recipe {name!r}{nearest(name, known)}; choose from {', '.join(known)}, or give the path "
            "of a TOML file"
        )
    return _FOLDER / f"{name}.toml"
