"""`xgraph runs`: the runs below a directory. It reads their files without importing torch."""

import json
import os
import sys
import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from xgraph.cli.help.text import table

_CONFIG, _METRICS, _LAST = "config.toml", "metrics.json", "last.ckpt"
_MEMBERS = {"folds": "fold_", "seeds": "seed_"}
"""What the names of the directories of a run's folds and seeds begin with."""
_BASELINE = "baseline"
_LOCKS = Path("/proc/locks")


class Listed(NamedTuple):
    """A run in the list.

    Args:
        run: Its directory.
        data: Its data set.
        model: Name of the model; "auto" with the one that was chosen, if several were compared.
        loss: Name of the loss; None if the model is fitted in a single step.
        date: When it was last written to, as in ISO 8601.
        state: "finished", "running", "interrupted" or "unreadable".
        folds: Number of its folds that have finished; None if it has no folds.
        seeds: Number of its seeds that have finished, the same in each fold; None if it has no seeds.
        metric: The metric that selected the epoch, of which the next two are values; None before the run has finished.
        valid: Its value on the validation part, if there is one; over folds the mean.
        test: Its value on the test part.
        baseline_valid: Its value on the validation part for the baseline, if the run has one.
        baseline_test: The same on the test part.
    """

    run: str
    data: str
    model: str
    loss: str | None
    date: str
    state: str
    folds: int | None
    seeds: int | None
    metric: str | None
    valid: float | None
    test: float | None
    baseline_valid: float | None = None
    baseline_test: float | None = None


def runs(
    directory: Annotated[Path, typer.Argument(metavar="[DIR]", help="Directory to look in, with all below it.")] = Path(
        "runs"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")] = False,
) -> None:
    """List the runs below a directory, the latest last: what they trained, whether they finished, and how well.

    The metric is the one that selected the epoch; for runs over folds or seeds it is the mean over them. The output is
    a table in a terminal, and tab-separated in a pipe.
    """
    if not directory.is_dir():
        if directory != Path("runs"):
            raise FileNotFoundError(f"there is no directory {directory}")
        found = []
    else:
        found = sorted((_listed(path) for path in run_directories(directory)), key=lambda one: one.date)
    if as_json:
        typer.echo(json.dumps([one._asdict() for one in found], indent=2))
        return
    if not found:
        sys.stderr.write(f"there are no runs in {directory}\n")
        return
    header = ["run", "data", "model", "loss", "date", "state", "metric", "valid", "test"]
    rows = [[*header, "baseline_valid", "baseline_test"], *map(_row, found)]
    typer.echo(table(rows) if sys.stdout.isatty() else "\n".join("\t".join(row) for row in rows))


def run_directories(directory: Path) -> Iterator[Path]:
    """Yield the directories of runs; those of folds, seeds and baselines belong to the run that they are in."""
    for folder, below, files in os.walk(directory):
        below[:] = sorted(name for name in below if not name.startswith("."))
        if _CONFIG in files:
            below[:] = [name for name in below if not name.startswith(tuple(_MEMBERS.values())) and name != _BASELINE]
            yield Path(folder)


def _listed(path: Path) -> Listed:
    """Read the files of a run, which may be damaged in any way."""
    try:
        return read_run(path)
    except (OSError, ValueError, RecursionError, AttributeError, TypeError, KeyError):
        return Listed(str(path), "-", "-", None, _date(path), "unreadable", *[None] * 7)


def read_run(path: Path) -> Listed:
    """Read the files of a run; what they raise if they are damaged is of many types."""
    from xgraph.training.config.folds import single_runs

    if not (path / _CONFIG).is_file():  # a pipe would be waited for
        raise FileNotFoundError(path / _CONFIG)
    config = tomllib.loads((path / _CONFIG).read_text(encoding="utf-8"))
    metrics = json.loads((path / _METRICS).read_text(encoding="utf-8")) if (path / _METRICS).is_file() else {}
    members = {kind: [one for one in path.glob(f"{start}*") if one.is_dir()] for kind, start in _MEMBERS.items()}
    if members["folds"]:  # each of which may have seeds
        each = [len(list(one.glob(f"{_MEMBERS['seeds']}*/{_METRICS}"))) for one in members["folds"]]
        folds, seeds = _finished(members["folds"]), max(each) or None
    else:
        folds, seeds = None, _finished(members["seeds"])
    data = config.get("data", config)  # files of old versions have no sections
    dataset = str(data.get("dataset") or "+".join(data.get("datasets", [])) or "-")
    fold = data.get("fold")
    name = Path(dataset).name if os.path.isabs(dataset) else dataset
    metric = single_runs(metrics)[0].get("metric")
    return Listed(
        str(path),
        f"{name} fold {fold}" if isinstance(fold, int) else name,
        _model(config, metrics),
        _name(config.get("loss")) or config.get("objective"),
        _date(path),
        _state(path, bool(metrics)),
        folds,
        seeds,
        metric,
        _value(metrics, "valid", metric),
        _value(metrics, "test", metric),
        *(_value(metrics.get(_BASELINE) or {}, part, metric) for part in ("valid", "test")),
    )


def _finished(folders: list[Path]) -> int | None:
    """How many of the members of a run have finished."""
    return sum((folder / _METRICS).is_file() for folder in folders) if folders else None


def _name(part: object) -> str | None:
    """Return the name of a model or loss, which is a table with its options, or alone."""
    named = part.get("name") if isinstance(part, Mapping) else part
    return None if named is None else str(named)


def _model(config: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """The model, or that the best of several is kept and which one it is."""
    if not config.get("run", {}).get("choose"):
        return _name(config.get("model")) or "-"
    chosen = metrics.get("chosen")
    return f"auto ({chosen})" if isinstance(chosen, str) else "auto"


def _value(metrics: Mapping[str, Any], part: str, metric: str | None) -> float | None:
    value = metrics.get(part, {}).get(metric) if isinstance(metrics.get(part), Mapping) else None
    return float(value) if isinstance(value, int | float) else None


def _state(path: Path, scored: bool) -> str:
    starts = _MEMBERS.values()
    below = [*starts, *(f"{one}*/{other}" for one in starts for other in starts)]
    if _is_locked(path) or any(_is_locked(one) for start in below for one in path.glob(f"{start}*")):
        return "running"
    last, metrics = path / _LAST, path / _METRICS
    resumed = scored and last.is_file() and last.stat().st_mtime > metrics.stat().st_mtime  # and not scored since
    return "finished" if scored and not resumed else "interrupted"


def _is_locked(path: Path) -> bool:
    """Whether a process is writing to a run; where the system does not list locks, none is."""
    try:
        of_run = path.stat()
        locks = _LOCKS.read_text().splitlines()
    except OSError:
        return False
    name = f"{os.major(of_run.st_dev):02x}:{os.minor(of_run.st_dev):02x}:{of_run.st_ino}"
    return any(name in line.split() and "FLOCK" in line.split() for line in locks)


def _date(path: Path) -> str:
    times = [(path / name).stat().st_mtime for name in (_CONFIG, _LAST, _METRICS) if (path / name).is_file()]
    return datetime.fromtimestamp(max(times, default=path.stat().st_mtime)).isoformat(
        timespec="microseconds"
    )  # runs of one second keep their order


def _row(one: Listed) -> list[str]:
    counts = {"fold": one.folds, "seed": one.seeds}
    finished = [f"{count} {noun}{'s' * (count != 1)}" for noun, count in counts.items() if count is not None]
    state = f"{one.state} ({' × '.join(finished)})" if finished else one.state
    values = ["-" if value is None or value != value else f"{value:.4f}" for value in one[-4:]]
    return [
        one.run,
        one.data,
        one.model,
        one.loss or "-",
        one.date[:19].replace("T", " "),
        state,
        one.metric or "-",
        *values,
    ]
