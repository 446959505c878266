"""Run directories: creating, opening and discarding them, and writing their configuration."""

import contextlib
import json
import math
import re
import shutil
import stat
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xgraph.data.storage.leftovers import is_leftover
from xgraph.data.tables.formats import stem
from xgraph.training.config.baseline import AUTO
from xgraph.training.config.build import TrainConfig, build_config, read_config
from xgraph.training.config.flat import to_tables
from xgraph.training.files.members import check_single, fold_folders, leaf_folders, member_folders, seed_folders
from xgraph.training.files.writing import write_text

if TYPE_CHECKING:
    from torch import nn

CONFIG, METRICS, HISTORY, PREDICTIONS, ENVIRONMENT = (
    "config.toml",
    "metrics.json",
    "metrics.csv",
    "predictions.csv",
    "env.json",
)
WARNINGS = "warnings.json"
"""The warnings that a run has given, if any, each once."""
BEST, LAST = "best.ckpt", "last.ckpt"
NETWORK = "network.ckpt"
"""The network of a run that keeps another model in its place."""
BASELINE = "baseline"
"""Folder of a run that holds the run of its baseline."""
LOGS = "logs"
"""Folder of a run that holds the files of its loggers."""
PATHS = ("dataset", "split_file", "valid", "test", "edges")
"""Settings that name the files of the data, which may move."""


@dataclass(frozen=True)
class Run:
    """A finished run, as returned by :func:`xgraph.training.train`.

    Args:
        path: The run directory. It holds ``config.toml``, ``metrics.csv``, ``metrics.json``, ``predictions.csv``,
            ``best.ckpt``, ``last.ckpt`` and ``env.json``. For a run over several folds, it holds ``config.toml``,
            ``metrics.json`` and one directory per fold. With several seeds (``seeds``), it has one directory per seed,
            and ``predictions.csv`` holds the mean of their scores.
        metrics: The contents of ``metrics.json``: ``{"test": {"ap": ...}, "valid": {...}, ...}``. Parts that the run
            was trained on, or did not touch, are absent.
    """

    path: Path
    metrics: dict[str, Any] = field(repr=False)

    @classmethod
    def open(cls, path: str | Path) -> "Run":
        """Open a finished run.

        Args:
            path: The run directory.

        Raises:
            FileNotFoundError: If the directory holds no run, or the run has not finished.
            ValueError: If its metrics cannot be read.
        """
        path = Path(path)
        file = path / METRICS
        if not file.is_file():
            state = "has not finished" if (path / CONFIG).is_file() else "is not a run directory"
            raise FileNotFoundError(f"run: {path} {state} (no {METRICS})")
        try:
            metrics = _with_nan(json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, RecursionError) as error:  # not JSON, or not text
            raise ValueError(f"run: {file} is damaged: {error}") from None
        if not isinstance(metrics, dict):
            raise ValueError(f"run: {file} is damaged: expected a JSON object of metrics")
        return cls(path, metrics)

    def _repr_html_(self) -> str:
        """Return the run as a notebook shows it: metrics, settings and commands."""
        from xgraph.training.files.notebook import run_html

        return run_html(self)

    @property
    def config(self) -> TrainConfig:
        """The settings of the run.

        Raises:
            ValueError: If the run is a pretrained encoder, which has other settings.
        """
        values = read_config(self.path / CONFIG)
        if "objective" in values:
            raise ValueError(
                f"run: {self.path} is a pretrained encoder, not a training run; train a model from it with "
                f"init={str(self.path)!r}"
            )
        return build_config({}, values, saved=True)

    @property
    def folds(self) -> list["Run"]:
        """The runs of the individual folds; empty unless this is a run over several folds."""
        return [Run.open(folder) for folder in fold_folders(self.path)]

    @property
    def seeds(self) -> list["Run"]:
        """The runs of the individual seeds; empty unless this is a run over several seeds."""
        return [Run.open(folder) for folder in seed_folders(self.path)]

    @property
    def members(self) -> list["Run"]:
        """The single runs that this run consists of, over its folds and seeds; itself if it is one."""
        return [self if folder == self.path else Run.open(folder) for folder in leaf_folders(self.path)]

    @property
    def model(self) -> "nn.Module":
        """The model with the weights of the kept epoch, in evaluation mode on the CPU.

        Raises:
            ValueError: If the run consists of several, which are its ``members``.
        """
        check_single(self.path)
        from xgraph.training.files.checkpoint import read_checkpoint
        from xgraph.training.files.saved_model import load_model

        return load_model(read_checkpoint(self.path / BEST))


def _with_nan(value: Any) -> Any:
    """Turn the nulls of JSON back into NaN, for metrics that are not defined."""
    if isinstance(value, dict):
        return {name: _with_nan(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_nan(item) for item in value]
    return math.nan if value is None else value


def check_free(out: str | Path) -> None:
    """Raise `FileExistsError` unless `out` is a new or empty directory; what a killed process left does not count."""
    path = Path(out)
    if path.exists() and not path.is_dir():
        raise FileExistsError(f"out: {path} is a file; expected a new or empty directory")
    if path.exists() and not all(map(is_leftover, path.iterdir())):
        raise FileExistsError(
            f"out: {path} is not empty; choose another directory, or resume the run in it with --resume"
        )


def check_files(path: Path) -> None:
    """Raise `ValueError` if a file of a run is anything else, such as a folder, a pipe or a link to itself."""
    for name in (CONFIG, METRICS, HISTORY, PREDICTIONS, ENVIRONMENT, WARNINGS, BEST, LAST, NETWORK):
        file = path / name
        try:
            mode = file.stat().st_mode
        except FileNotFoundError:  # or a link to a place where nothing is yet
            continue
        except OSError as error:
            raise ValueError(f"run: {file} cannot be read ({error.strerror}); remove it, then resume the run") from None
        if not stat.S_ISREG(mode):
            raise ValueError(f"run: {file} is not a file; remove it, then resume the run")


def make_run_directory(out: str | Path | None, config: TrainConfig) -> Path:
    """Create an empty directory for a run; existing files are never overwritten."""
    if out is not None:
        check_free(out)
        return _make(Path(out), exist_ok=True)
    model = AUTO if config.choose else config.model
    way = model if config.fitted else f"{config.loss}-{model}"
    seeds = f"s{config.seed}" if config.seeds == 1 else f"s{config.seed}-{config.seed + config.seeds - 1}"
    name = f"{dataset_label(config.dataset)}-{way}-{seeds}"
    if isinstance(config.fold, int):
        name += f"-fold{config.fold}"
    return new_run_directory(name)


def new_run_directory(name: str) -> Path:
    """Create a directory under `runs/`, with a number appended to its name if the name is taken."""
    number = 1
    while True:
        path = Path("runs") / (name if number == 1 else f"{name}-{number}")
        try:
            return _make(path, exist_ok=False)
        except FileExistsError:
            number += 1


def _make(path: Path, exist_ok: bool) -> Path:
    """Create a directory and its parents."""
    try:
        path.mkdir(parents=True, exist_ok=exist_ok)
    except FileExistsError:
        raise
    except OSError as error:
        raise OSError(f"out: cannot create directory {path}: {error.strerror}; choose another location") from error
    return path


def discard(path: Path) -> None:
    """Remove the files of a run that failed in its first epoch, and the directory if it is then empty."""
    if (path / LAST).exists() or member_folders(path):
        return
    shutil.rmtree(path / LOGS, ignore_errors=True)
    for name in (ENVIRONMENT, WARNINGS, CONFIG):  # without its settings it would be neither a run nor empty
        (path / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # the directory holds other files
        path.rmdir()


def dataset_label(dataset: str) -> str:
    """Return a data set's name for use in a file name: for a CSV file, its name without folder and extension."""
    if dataset.startswith("<"):  # an object, such as <MoleculeDataset screen>
        return re.sub(r"[^\w.-]+", "-", dataset).strip("-") or "data"
    return stem(Path(dataset)) or "data"


def move(path: Path, config: TrainConfig) -> None:
    """Write the new place of the data into the settings of a run, of its baseline, and of its folds and seeds."""
    places = {name: getattr(config, name) for name in PATHS}
    for member in member_folders(path):
        move(member, config)
    for folder in (path, path / BASELINE):
        if (folder / CONFIG).is_file():
            write_config(folder, build_config({}, read_config(folder / CONFIG), saved=True).replace(**places))


def config_values(config: TrainConfig) -> dict[str, Any]:
    """Return the settings as plain values, with absolute paths."""
    values = config.to_dict()
    for name in (*PATHS, "init"):
        if name in values and (name == "init" or _is_path(values[name])):
            values[name] = str(Path(values[name]).resolve())
    return values


def _is_path(value: str) -> bool:
    """Whether a setting is the path of a file or folder, and not the name of a data set or an object."""
    from xgraph.data.cards.named import names

    return value not in names() and Path(value).exists()


def write_config(path: Path, config: TrainConfig) -> None:
    """Write `config.toml`, from which `--config` repeats the run."""
    import tomli_w

    text = tomli_w.dumps(to_tables(config_values(config)))
    # Fail now rather than when reading it back, for names such as "a\x7f.csv".
    tomllib.loads(text)
    write_text(path / CONFIG, text)
