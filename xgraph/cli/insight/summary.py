"""What a run directory holds, read from its files without importing torch."""

import csv
import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xgraph.cli.runs import Listed, read_run

FILES = {
    "config.toml": "settings; `xgraph train --config` repeats the run",
    "metrics.json": "metrics of the kept epoch",
    "metrics.csv": "loss, validation metrics and learning rate by epoch",
    "predictions.csv": "scores of the validation and test parts",
    "report.html": "the report",
    "best.ckpt": "the kept epoch: what predict, evaluate and export use",
    "last.ckpt": "the last epoch or step: what --resume continues",
    "network.ckpt": "the network, where another model was chosen",
    "env.json": "versions, machine, command and commit",
    "warnings.json": "warnings of the run",
}
FOLDERS = {
    "baseline": "the run of the baseline",
    "logs": "files of the loggers",
}
_OTHERS = {"search.toml": ("a search", "its trials"), "recipe.toml": ("a recipe", "its runs")}


def summary(path: Path) -> dict[str, Any]:
    """Return what there is to say about a run, as plain values.

    Raises:
        FileNotFoundError: If there is no run in the directory.
        ValueError: If a file of it is damaged.
    """
    _check(path)
    damaged = [problem for name in ("config.toml", "metrics.json") if (problem := _problem(path / name))]
    if damaged:
        raise ValueError(f"run: {'; '.join(damaged)}; restore it from a copy, or train again")
    try:
        listed = read_run(path)
        config = tomllib.loads((path / "config.toml").read_text(encoding="utf-8"))
        metrics = json.loads((path / "metrics.json").read_text()) if (path / "metrics.json").is_file() else {}
        return _summary(path, listed, config, metrics)
    except (AttributeError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(
            f"run: {path} is damaged: its settings or metrics are not those of a run ({error}); restore them from a "
            "copy, or train again"
        ) from None


def _summary(path: Path, listed: Listed, config: Mapping[str, Any], metrics: Mapping[str, Any]) -> dict[str, Any]:
    data, run, stages = (_section(config, name) for name in ("data", "run", "optimizer"))
    pretrained = "objective" in config
    fitted = listed.loss is None
    members = sorted(
        (one for start in ("fold_", "seed_") for one in path.glob(f"{start}*") if (one / "config.toml").is_file()),
        key=lambda one: (one.name.split("_")[0], int(_digits(one.name))),
    )
    size, count = _size(path)
    values: dict[str, Any] = {
        "run": str(path),
        "state": listed.state,
        "epochs_done": None if members or fitted else _epochs_done(path),
        "epochs": None if fitted else stages.get("epochs"),
        "kind": "encoder" if pretrained else _kind(data),
        "data": listed.data,
        "split": data.get("split"),
        "fold": data.get("fold"),
        "tasks": metrics.get("tasks") or metrics.get("classes") or data.get("target_columns"),
        "model": listed.model,
        "model_options": _options(config.get("model")),
        "loss": listed.loss,
        "loss_options": _options(config.get("loss")),
        "pretrain_epochs": None if fitted else stages.get("pretrain_epochs"),
        "seed": run.get("seed"),
        "metric": listed.metric,
        "keep": metrics.get("keep"),
        "kept_epoch": metrics.get("best_epoch", metrics.get("last_epoch")),
        "metrics": metrics,
        "members": [{"run": one.name, "state": _state_of(one)} for one in members],
        "bytes": size,
        "number_of_files": count,
        "files": {name: text for name, text in FILES.items() if (path / name).is_file()}
        | {f"{name}/": text for name, text in FOLDERS.items() if (path / name).is_dir()},
    }
    return values


def _section(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A section of the settings; those of old versions and of pretraining have none."""
    section = config.get(name)
    return section if isinstance(section, Mapping) else config


def _check(path: Path) -> None:
    """Raise `FileNotFoundError` unless a directory holds a run."""
    if not path.is_dir():
        what = "is a file; expected a run directory" if path.exists() else "does not exist; `xgraph runs` lists runs"
        raise FileNotFoundError(f"run: {path} {what}")
    if (path / "config.toml").is_file():
        return
    for name, (what, parts) in _OTHERS.items():
        if (path / name).is_file():
            raise FileNotFoundError(f"run: {path} is {what}, not a run; `xgraph runs {path}` lists {parts}")
    if (path / "last.ckpt").is_file():
        raise FileNotFoundError(
            f"run: {path} has no config.toml, but a checkpoint with its settings; `xgraph train --resume --out {path}` "
            "writes it anew"
        )
    raise FileNotFoundError(
        f"run: {path} is not a run directory (no config.toml); `xgraph runs {path}` lists runs in it"
    )


def _problem(file: Path) -> str:
    """Say what is wrong with a file, if it is there and cannot be read."""
    if not file.is_file():
        return ""
    try:
        text = file.read_text(encoding="utf-8")
        content = tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        return f"{file} is damaged ({' '.join(str(error).split())[:200]})"
    return "" if isinstance(content, dict) else f"{file} is damaged (it holds no table of values)"


def _kind(data: Mapping[str, Any]) -> str:
    from xgraph.training.config.traits import NOUNS, DatasetTraits

    try:
        return NOUNS[DatasetTraits.of(dict(data)).kind]
    except (ValueError, KeyError, TypeError, OSError):  # the data have gone
        return NOUNS.get(str(data.get("kind")), "molecules")


def _options(part: object) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name != "name"} if isinstance(part, Mapping) else {}


def _epochs_done(path: Path) -> int | None:
    """Number of epochs in `metrics.csv`; None if it cannot be read."""
    try:
        with (path / "metrics.csv").open(encoding="utf-8", newline="") as file:
            return max((int(row["epoch"]) for row in csv.DictReader(file)), default=0)
    except FileNotFoundError:
        return 0 if not (path / "best.ckpt").is_file() else None
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        return None


def _state_of(path: Path) -> str:
    try:
        return read_run(path).state
    except (OSError, ValueError, RecursionError, AttributeError, TypeError, KeyError):
        return "unreadable"


def _digits(name: str) -> str:
    number = name.rsplit("_", 1)[-1]
    return number if number.isdecimal() else "0"


def _size(path: Path) -> tuple[int, int]:
    """Bytes and number of all files below a directory."""
    sizes = []
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                sizes.append(os.lstat(os.path.join(folder, name)).st_size)
            except OSError:  # it has just been renamed
                continue
    return sum(sizes), len(sizes)
