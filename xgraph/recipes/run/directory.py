"""The directory of a recipe's runs: checking that it fits the recipe, and recording wall times."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xgraph.data.storage.leftovers import is_leftover
from xgraph.options import OptionError
from xgraph.recipes.schema.read import read_recipe
from xgraph.recipes.schema.recipe import RECIPE, TIMES, Recipe
from xgraph.training.config.build import differences
from xgraph.training.files.writing import write_json

ELAPSED = "(elapsed)"
"""The entry of the file of times that is no run."""

SETTINGS_OF_SEEDS = {"threads", "device", "storage", "seed"}
"""Settings that may differ when a recipe is resumed."""


def claim(path: Path, recipe: Recipe) -> None:
    """Create the directory, or check that it holds the same recipe."""
    if path.exists() and not path.is_dir():
        raise FileExistsError(f"out: {path} is a file; expected a directory")
    if (path / RECIPE).is_file():
        _check_same(path, read_recipe(path / RECIPE), recipe)
    elif path.is_dir() and not all(map(is_leftover, path.iterdir())):
        raise FileExistsError(f"out: {path} is not empty and has no {RECIPE} to resume; choose another directory")
    path.mkdir(parents=True, exist_ok=True)


def _check_same(path: Path, before: Recipe, now: Recipe) -> None:
    """Raise `OptionError` if a directory holds the runs of another recipe. New members and seeds may be added."""
    if bool(before.cut_down) != bool(now.cut_down):
        was, this = ("a reduced run (--quick)" if one.cut_down else "a full run" for one in (before, now))
        raise OptionError(f"out: {path} holds {was} of the recipe, but this is {this}; choose another --out")
    other = f"out: {path} holds another recipe:"
    encoders = {one.name: one.config for one in now.pretrainings}
    for one in before.pretrainings:
        if encoders.get(one.name) != one.config:
            raise OptionError(f"{other} the settings of encoder {one.name!r} differ; choose another --out")
    own = {(member.name, member.dataset): member for member in now.members}
    for member in before.members:
        what = f"{other} member {member.name!r} on {member.dataset!r}"
        same = own.get((member.name, member.dataset))
        if same is None:
            raise OptionError(f"{what} is missing in this one; choose another --out")
        changed = differences(member.config, same.config)
        if not set(member.seeds) <= set(same.seeds):
            changed["seeds"] = (member.seeds, same.seeds)
        for name, (old, new) in changed.items():
            if name not in SETTINGS_OF_SEEDS:
                raise OptionError(f"{what} has {name} = {old!r} there and {new!r} here; choose another --out")
    if len(before.datasets) == 1 < len(now.datasets):
        raise OptionError(
            f"out: {path} holds a recipe with one data set, but this one has several; choose another --out"
        )


@contextmanager
def timed(out: Path, name: str) -> Iterator[None]:
    """Add the wall time of the block to a run's time on file, even if it is interrupted."""
    begun = time.perf_counter()
    try:
        yield
    finally:
        add_time(out, name, time.perf_counter() - begun)


def add_time(out: Path, name: str, seconds: float) -> None:
    """Add to a run's time on file."""
    times = {name: float(value) for name, value in read_json(out / TIMES).items()}
    write_json(out / TIMES, {**times, name: round(times.get(name, 0.0) + seconds, 1)})


def run_times(path: Path) -> dict[str, float]:
    """Return the total wall time of each run, where it is known."""
    return {name: float(value) for name, value in read_json(path / TIMES).items() if name != ELAPSED}


def elapsed(path: Path) -> float:
    """Return the wall time of all commands together; with several processes, it is less than that of all runs."""
    return float(read_json(path / TIMES).get(ELAPSED, 0.0))


def read_json(file: Path) -> dict[str, Any]:
    """Read a JSON object; empty if the file is missing or damaged, because it is only used for reports."""
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}
