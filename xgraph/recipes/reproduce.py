"""`xgraph reproduce`: all runs of a recipe, one after the other, then the report."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from xgraph.options import OptionError
from xgraph.recipes.chain import in_order, start_of
from xgraph.recipes.pretraining import run_pretraining
from xgraph.recipes.read import read_recipe
from xgraph.recipes.recipe import RECIPE, TIMES, Member, Recipe
from xgraph.recipes.report import Report, read_json, write_report
from xgraph.recipes.results import Results
from xgraph.recipes.submission import write_submission
from xgraph.recipes.written import to_toml
from xgraph.training.config.build import build_config, differences
from xgraph.training.files.lock import locked
from xgraph.training.files.rundir import CONFIG, METRICS, Run
from xgraph.training.files.writing import write_json, write_text
from xgraph.training.fit.train import Interrupted, train
from xgraph.training.scoring.inference import choose_device

_FREE = {"threads", "device", "storage", "seed"}
"""Settings that do not make another run of one."""


def reproduce(
    recipe: str | Path,
    *,
    out: str | Path | None = None,
    quick: bool = False,
    threads: int | None = None,
    device: str = "auto",
    progress: bool = False,
) -> Report:
    """Run a recipe, or go on with it, and report what came out; what `xgraph reproduce` calls."""
    made = read_recipe(recipe, quick=quick)
    where = choose_device(device)
    if threads is not None:
        build_config({"threads": threads})  # it knows the range
    path = Path(out) if out is not None else Path("runs") / (made.path.stem + ("-quick" if quick else ""))
    _claim(path, made)
    try:
        with locked(path):
            write_text(path / RECIPE, to_toml(made))
            _fetch(made)
            runs = [(member, seed) for member in in_order(made.members) for seed in member.seeds]
            for i, encoder in enumerate(made.pretrainings, 1):
                _say(progress, f"pretraining={i}/{len(made.pretrainings)} {encoder.name}\n")
                with _timed(path, encoder.name):
                    run_pretraining(encoder, path, threads, where, progress)
            for i, (member, seed) in enumerate(runs, 1):
                _say(progress, f"run={i}/{len(runs)} {made.run_path(member, seed)}\n")
                _run(made, member, seed, path, threads, where, progress)
            results = Results(made, path)
            rows = results.rows()
            compared = results.compared(rows)
            submission = None if made.submission is None else write_submission(made, path, where)
            return write_report(made, path, rows, compared, _times(path), submission)
    except KeyboardInterrupt:
        raise Interrupted(path) from None


def _claim(path: Path, recipe: Recipe) -> None:
    """Make the directory, or check that it is one of the same recipe."""
    if path.exists() and not path.is_dir():
        raise FileExistsError(f"out: {path} is a file; expected a directory")
    if (path / RECIPE).is_file():
        _check_same(path, read_recipe(path / RECIPE), recipe)
    elif path.is_dir() and any(path.iterdir()):
        raise FileExistsError(f"out: {path} is not empty and holds no {RECIPE}; choose another directory")
    path.mkdir(parents=True, exist_ok=True)


def _check_same(path: Path, there: Recipe, here: Recipe) -> None:
    """Refuse to go on with other runs than a directory has. Further members and seeds may be added."""
    if bool(there.cut_down) != bool(here.cut_down):
        was, now = ("cut down (--quick)" if one.cut_down else "in full" for one in (there, here))
        raise OptionError(f"out: {path} holds a recipe that is run {was}, and this is one {now}; choose another --out")
    encoders = {one.name: one.config for one in here.pretrainings}
    for one in there.pretrainings:
        if encoders.get(one.name) != one.config:
            raise OptionError(f"out: {path} holds another recipe: encoder {one.name!r} differs; choose another --out")
    own = {(member.name, member.dataset): member for member in here.members}
    for member in there.members:
        what = f"out: {path} holds another recipe: member {member.name!r} on {member.dataset!r}"
        same = own.get((member.name, member.dataset))
        if same is None:
            raise OptionError(f"{what} is not in this one; choose another --out")
        found = {name: pair for name, pair in differences(member.config, same.config).items() if name not in _FREE}
        if not set(member.seeds) <= set(same.seeds):
            found["seeds"] = (member.seeds, same.seeds)
        for name, (before, after) in found.items():
            raise OptionError(f"{what} has {name} = {before!r} there and {after!r} here; choose another --out")
    if there.run_path(there.members[0], 0) != here.run_path(own[there.members[0].name, there.members[0].dataset], 0):
        raise OptionError(f"out: {path} holds a recipe on one data set, and this is on several; choose another --out")


def _fetch(recipe: Recipe) -> None:
    """Get all data sets before the first run, so that none is found missing hours later."""
    from xgraph.data import fetch
    from xgraph.data.cards.named import names

    pretrained_on = [dataset for one in recipe.pretrainings for dataset in one.config.datasets]
    for dataset in dict.fromkeys([*recipe.datasets, *pretrained_on]):
        if dataset in names():
            fetch(dataset)


def _run(
    recipe: Recipe, member: Member, seed: int, out: Path, threads: int | None, device: str, progress: bool
) -> None:
    """Train one run, or go on with it; one that is finished stays."""
    name = str(recipe.run_path(member, seed))
    path = out / name
    started = (path / CONFIG).is_file()
    before, encoder = start_of(member, recipe.members), recipe.encoder_of(member)
    if started and (path / METRICS).is_file():
        _check_finished(Run.open(path), member, () if before is None and encoder is None else ("init",))
        return
    settings = {**member.settings, "seed": seed, "threads": threads, "device": device}
    if before is not None:
        settings["init"] = str((out / recipe.run_path(before, seed)).resolve())
    elif encoder is not None:
        settings["init"] = str((out / encoder.name).resolve())
    given = {key: value for key, value in settings.items() if value is not None}
    try:
        with _timed(out, name):
            train(member.dataset, out=path, resume=started, progress=progress, **given)
    except (OptionError, ValueError) as error:
        kind = OptionError if isinstance(error, OptionError) else ValueError
        raise kind(f"{name}: {error}") from error


@contextmanager
def _timed(out: Path, name: str) -> Iterator[None]:
    """Note the wall time of a run, interrupted or not."""
    begun = time.perf_counter()
    try:
        yield
    finally:
        times = _times(out)
        write_json(out / TIMES, {**times, name: round(times.get(name, 0.0) + time.perf_counter() - begun, 1)})


def _check_finished(run: Run, member: Member, free: Sequence[str]) -> None:
    for name, (there, here) in differences(run.config, member.config).items():
        if name not in _FREE and name != "dataset" and name not in free:
            raise OptionError(f"out: {run.path} was trained with {name} = {there!r}, and the recipe has {here!r}")


def _times(path: Path) -> dict[str, float]:
    """Wall time of runs, of all calls together; nothing where it is not known."""
    return {name: float(value) for name, value in read_json(path / TIMES).items()}


def _say(progress: bool, text: str) -> None:
    if progress:
        sys.stderr.write(text)
