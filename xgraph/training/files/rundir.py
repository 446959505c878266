"""Run directories: where a run is kept, what is in it, and how it is described."""

import contextlib
import json
import math
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xgraph.training.config.build import TrainConfig, build_config, read_config
from xgraph.training.config.flat import to_tables
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
BEST, LAST = "best.ckpt", "last.ckpt"


@dataclass(frozen=True)
class Run:
    """A finished run, as `xgraph.train` returns it.

    Args:
        path: Its directory: `config.toml`, `metrics.csv`, `metrics.json`, `predictions.csv`, `best.ckpt`,
            `last.ckpt`, `env.json`; or, after all folds of a data set, `metrics.json` and a directory for each.
        metrics: What `metrics.json` holds: `{"test": {"ap": ...}, "valid": {...}, ...}`, without a part that the run
            was trained on or left alone.
    """

    path: Path
    metrics: dict[str, Any] = field(repr=False)

    @classmethod
    def open(cls, path: str | Path) -> "Run":
        """Open a finished run.

        Args:
            path: Its directory.

        Raises:
            FileNotFoundError: If there is no run, or it has not finished.
            ValueError: If its metrics cannot be read.
        """
        path = Path(path)
        file = path / METRICS
        if not file.is_file():
            state = "has not finished" if (path / CONFIG).is_file() else "is not a run directory"
            raise FileNotFoundError(f"run: {path} {state} (no {METRICS})")
        try:
            metrics = _with_nan(json.loads(file.read_text(encoding="utf-8")))
        except ValueError as error:  # not JSON, or not text
            raise ValueError(f"run: {file} is damaged: {error}") from None
        if not isinstance(metrics, dict):
            raise ValueError(f"run: {file} is damaged: it holds no table of metrics")
        return cls(path, metrics)

    @property
    def config(self) -> TrainConfig:
        """Its settings.

        Raises:
            ValueError: If it has others, as a pretrained encoder.
        """
        values = read_config(self.path / CONFIG)
        if "objective" in values:
            raise ValueError(f"run: {self.path} is a pretrained encoder, which a run starts from by init")
        return build_config({}, values)

    @property
    def folds(self) -> list["Run"]:
        """The runs of the folds, if it is a run over all folds; else empty."""
        return [Run.open(folder) for folder in fold_folders(self.path)]

    @property
    def model(self) -> "nn.Module":
        """The model with the weights of the epoch that is kept, in evaluation mode on the CPU."""
        from xgraph.training.files.checkpoint import read_checkpoint
        from xgraph.training.files.saved_model import load_model

        return load_model(read_checkpoint(self.path / BEST))


def _with_nan(value: Any) -> Any:
    """Undo what JSON does to metrics that are not defined."""
    if isinstance(value, dict):
        return {name: _with_nan(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_nan(item) for item in value]
    return math.nan if value is None else value


def fold_folders(path: Path) -> list[Path]:
    """The directories of the folds of a run, in order."""
    numbers = [folder.name.removeprefix("fold_") for folder in path.glob("fold_*") if folder.is_dir()]
    return [path / f"fold_{number}" for number in sorted(filter(str.isdecimal, numbers), key=int)]


def check_free(out: str | Path) -> None:
    """Refuse a place for a run that holds something."""
    path = Path(out)
    if path.exists() and not path.is_dir():
        raise FileExistsError(f"out: {path} is a file; expected a directory, new or empty")
    if path.exists() and any(path.iterdir()):
        raise FileExistsError(f"out: {path} exists and is not empty; choose another, or --resume to go on")


def make_run_directory(out: str | Path | None, config: TrainConfig) -> Path:
    """Make an empty directory for a run; nothing that exists is ever overwritten."""
    if out is not None:
        check_free(out)
        return _make(Path(out), exist_ok=True)
    way = config.model if config.fitted else f"{config.loss}-{config.model}"
    name = f"{dataset_label(config.dataset)}-{way}-s{config.seed}"
    if isinstance(config.fold, int):
        name += f"-fold{config.fold}"
    return new_run_directory(name)


def new_run_directory(name: str) -> Path:
    """Make a directory under `runs/`, with a number after its name if there is one already."""
    number = 1
    while True:
        path = Path("runs") / (name if number == 1 else f"{name}-{number}")
        try:
            return _make(path, exist_ok=False)
        except FileExistsError:
            number += 1


def _make(path: Path, exist_ok: bool) -> Path:
    """Make a directory, its parents too."""
    try:
        path.mkdir(parents=True, exist_ok=exist_ok)
    except FileExistsError:
        raise
    except OSError as error:
        raise OSError(f"out: cannot make the directory {path}: {error.strerror}; choose another place") from error
    return path


def discard(path: Path) -> None:
    """Take away what a run left that failed before its first epoch was over; the directory too, if empty then."""
    if (path / LAST).exists() or fold_folders(path):
        return
    for name in (CONFIG, ENVIRONMENT):
        (path / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # something else is in there
        path.rmdir()


def dataset_label(dataset: str) -> str:
    """A data set's name as part of a file name: that of a CSV file without folder and ending."""
    return Path(dataset).name.removesuffix(".gz").removesuffix(".csv") or "data"


def config_values(config: TrainConfig) -> dict[str, Any]:
    """Settings as plain values, with paths that hold from anywhere."""
    values = config.to_dict()
    for name in ("dataset", "init"):
        if name in values and (name == "init" or Path(values[name]).is_file()):
            values[name] = str(Path(values[name]).resolve())
    return values


def write_config(path: Path, config: TrainConfig) -> None:
    """Write `config.toml`; `--config` on it repeats the run."""
    import tomli_w

    text = tomli_w.dumps(to_tables(config_values(config)))
    # A name such as "a\x7f.csv" must not make a file that cannot be read back.
    tomllib.loads(text)
    write_text(path / CONFIG, text)
