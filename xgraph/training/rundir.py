"""Run directories: where a run is kept, what is in it, and how it is described."""

import json
import math
import os
import platform
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xgraph._version import __version__
from xgraph.training.config import TrainConfig, build_config, read_config
from xgraph.training.files import write_json, write_text

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
        metrics: What `metrics.json` holds: `{"test": {"ap": ...}, "valid": {...}, ...}`.
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
        """
        path = Path(path)
        file = path / METRICS
        if not file.is_file():
            state = "has not finished" if (path / CONFIG).is_file() else "is not a run directory"
            raise FileNotFoundError(f"run: {path} {state} (no {METRICS})")
        return cls(path, _with_nan(json.loads(file.read_text(encoding="utf-8"))))

    @property
    def config(self) -> TrainConfig:
        """Its settings."""
        return build_config({}, read_config(self.path / CONFIG))

    @property
    def folds(self) -> list["Run"]:
        """The runs of the folds, if it is a run over all folds; else empty."""
        return [Run.open(folder) for folder in fold_folders(self.path)]

    @property
    def model(self) -> "nn.Module":
        """The model with the weights of the best epoch, in evaluation mode on the CPU."""
        from xgraph.training.checkpoint import load_model, read_checkpoint

        return load_model(read_checkpoint(self.path / BEST))


def _with_nan(value: Any) -> Any:
    """Undo what JSON does to metrics that are not defined."""
    if isinstance(value, dict):
        return {name: _with_nan(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_nan(item) for item in value]
    return math.nan if value is None else value


def fold_folders(path: Path) -> list[Path]:
    """The directories of the folds of a run, in order.

    Args:
        path: A run directory.
    """
    return sorted(path.glob("fold_*"), key=lambda folder: int(folder.name.removeprefix("fold_")))


def check_free(out: str | Path) -> None:
    """Refuse a place for a run that holds something.

    Args:
        out: A directory that need not exist.

    Raises:
        FileExistsError: If it is a file, or not empty.
    """
    path = Path(out)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FileExistsError(f"out: {path} exists and is not empty; choose another, or --resume to go on")


def make_run_directory(out: str | Path | None, config: TrainConfig) -> Path:
    """Make an empty directory for a run; nothing that exists is ever overwritten.

    Args:
        out: Where; without it, a free name under `runs/` that says what the run is.
        config: What the run is.

    Raises:
        FileExistsError: If `out` holds something already.
        OSError: If it cannot be made.
    """
    if out is not None:
        check_free(out)
        Path(out).mkdir(parents=True, exist_ok=True)
        return Path(out)
    name = f"{dataset_label(config.dataset)}-{config.loss}-{config.model}-s{config.seed}"
    if isinstance(config.fold, int):
        name += f"-fold{config.fold}"
    number = 1
    while True:
        path = Path("runs") / (name if number == 1 else f"{name}-{number}")
        try:
            path.mkdir(parents=True)
            return path
        except FileExistsError:
            number += 1


def dataset_label(dataset: str) -> str:
    """A data set's name as part of a file name: that of a CSV file without folder and ending.

    Args:
        dataset: Name or path.

    Example:
        >>> dataset_label("data/my.screen.csv.gz")
        'my.screen'
    """
    return Path(dataset).name.removesuffix(".gz").removesuffix(".csv") or "data"


def write_config(path: Path, config: TrainConfig) -> None:
    """Write `config.toml`; `--config` on it repeats the run.

    Args:
        path: The run directory.
        config: Its settings.
    """
    import tomli_w

    values = config.to_dict()
    for name in ("dataset", "init"):
        if name in values and (name == "init" or Path(values[name]).is_file()):
            values[name] = str(Path(values[name]).resolve())
    text = tomli_w.dumps(values)
    # A name such as "a\x7f.csv" must not make a file that cannot be read back.
    tomllib.loads(text)
    write_text(path / CONFIG, text)


def write_environment(path: Path, device: str) -> None:
    """Write `env.json`: versions, machine, threads, command, and the commit if run from a checkout.

    Args:
        path: The run directory.
        device: What it trains on.
    """
    import torch

    packages = ("torch", "torch-geometric", "lightning", "rdkit", "numpy", "ogb")
    versions = {"xgraph": __version__, "python": platform.python_version()}
    for name in packages:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    values = {
        "versions": versions,
        "machine": {
            "system": platform.system(),
            "architecture": platform.machine(),
            "cpus": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        },
        "command": sys.argv,
        "commit": _commit(),
    }
    write_json(path / ENVIRONMENT, values)


def _commit() -> str | None:
    """The commit of the checkout that this package lies in, if it is one."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
