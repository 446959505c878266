"""The command that repeats a run, with no more options than it needs."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xgraph.training.config.baseline import AUTO, has_baseline
from xgraph.training.config.build import TrainConfig, build_config, differences

_FIRST = ("kind", "task", "bag_column", "smiles_column", "target_columns", "model", "loss")
"""Settings that decide what the defaults of others are."""


def train_command(config: TrainConfig, path: str | Path | None = None) -> str:
    """Return the ``xgraph train`` command that repeats a run.

    Args:
        config: The settings of the run.
        path: Its directory, whose ``config.toml`` is named if the settings cannot be written as options.

    Example:
        >>> train_command(build_config({"dataset": "nci-pains", "seed": 3, "baseline": True}))
        'xgraph train nci-pains --seed 3'
    """
    try:
        settings = _typed(config)
    except (ValueError, OSError):  # such as a table that is no longer there
        settings = None
    if settings is None:
        where = "config.toml" if path is None else str(Path(path) / "config.toml")
        return f"xgraph train --config {shlex.quote(where)}"
    words = ["xgraph", "train", shlex.quote(config.dataset)]
    for name, value in settings.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{'' if value else 'no-'}{flag}")
        else:
            words += [f"--{flag}", shlex.quote(_word(value))]
    return " ".join(words)


def _typed(config: TrainConfig) -> dict[str, Any] | None:
    """Return the settings that differ from their defaults; None if these do not give the same run again."""
    named: dict[str, Any] = {}
    for name in _FIRST:
        value = AUTO if name == "model" and config.choose else getattr(config, name)
        usual = getattr(_build(config, named), name)
        if value != usual and not (value == AUTO and _build(config, named).choose):
            named[name] = value
    changed = {name: new for name, (_, new) in differences(_build(config, named), config).items() if name != "baseline"}
    settings = {**named, **changed}
    if has_baseline(config) and not config.baseline:
        settings["baseline"] = False
    again = _build(config, {**settings, **({"baseline": True} if config.baseline else {})})
    return None if {name for name in differences(again, config) if name != "baseline"} else settings


def _build(config: TrainConfig, settings: Mapping[str, Any]) -> TrainConfig:
    return build_config({"dataset": config.dataset, **{n: v for n, v in settings.items() if v is not None}})


def _word(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(_word(one) for one in value)
    return (
        "none"
        if value is None
        else f"{value:g}"
        if isinstance(value, float) and float(f"{value:g}") == value
        else str(value)
    )
