"""What a run is resumed from: its last checkpoint, with the settings that it was trained with."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from torch import Tensor

from xgraph.options import OptionError
from xgraph.training.config.build import TrainConfig, build_config, differences
from xgraph.training.files.checkpoint import read_checkpoint
from xgraph.training.files.history import KEPT, write_history
from xgraph.training.files.rundir import BEST, CONFIG, LAST, PATHS

MAY_CHANGE = frozenset(
    {"epochs", "device", "storage", "threads", "baseline", "checkpoint_every", "devices", "nodes", "seeds", "logger"}
)
"""The settings that may change when a run is resumed."""

_NOT_COMPARED = MAY_CHANGE | {*PATHS, "init"}
"""Files may have moved; their content is compared. The initial weights are in the checkpoint."""


def read_last(path: Path) -> dict[str, Any]:
    """Read the last checkpoint of a run.

    Raises:
        ValueError: If it is damaged; the message says whether the best one is whole.
    """
    try:
        return read_checkpoint(path / LAST)
    except ValueError as error:
        try:
            best = read_checkpoint(path / BEST)
            check_resumable(best, path / BEST)
        except (FileNotFoundError, ValueError):
            raise error from None
        raise ValueError(
            f"{error}. {path / BEST} is whole: `cp {path / BEST} {path / LAST}` lets the run resume after epoch "
            f"{best['epochs_done']}"
        ) from None


def check_same_settings(header: Mapping[str, Any], config: TrainConfig, last: Path) -> None:
    """Raise `OptionError` if a run has other settings now than when its last checkpoint was written."""
    before = build_config({}, header["config"], saved=True)
    for name, (old, new) in differences(before, config).items():
        if name not in _NOT_COMPARED:
            raise OptionError(
                f"resume: {name} is {new!r} in the run's {CONFIG}, but {last} was written with {old!r}; change it back"
            )


def check_resumable(state: Mapping[str, Any], path: Path) -> None:
    """Raise `ValueError` if a checkpoint, which has been read from `path`, lacks what training needs."""
    if problem := _problem(state):
        raise ValueError(f"resume: {path} {problem}, so it can be used to predict but not to resume; train again")


def restore_history(path: Path) -> None:
    """Write `metrics.csv` of a finished run from its last checkpoint; a damaged checkpoint is left alone."""
    from xgraph.training.files.callback import CheckpointCallback

    with suppress(FileNotFoundError, ValueError, KeyError):
        state = read_checkpoint(path / LAST)
        rows = state["history"] if "history" in state else state["callbacks"][CheckpointCallback.KEY]["history"]
        write_history(path, rows[-KEPT:], opened=True)


def _problem(state: Mapping[str, Any]) -> str:
    from xgraph.training.files.callback import CheckpointCallback

    optimizers = state.get("optimizer_states")
    if not isinstance(optimizers, list) or not all(isinstance(one, dict) for one in optimizers) or not optimizers:
        return "has no state of the optimiser"
    callbacks = state.get("callbacks")
    own = callbacks.get(CheckpointCallback.KEY) if isinstance(callbacks, dict) else None
    history = own.get("history") if isinstance(own, dict) else None
    if not isinstance(own, dict) or not isinstance(history, list) or "best" not in own:
        return "has no history of epochs"
    for row in (*history, *([] if own["best"] is None else [own["best"]])):
        if not isinstance(row, dict) or not isinstance(row.get("epoch"), int) or not isinstance(row.get("stage"), str):
            return "has a damaged history of epochs"
    random = state["random_state"]
    python, numpy = random.get("python"), random.get("numpy")
    if not (
        isinstance(random.get("torch"), Tensor)
        and isinstance(python, dict)
        and isinstance(python.get("words"), Tensor)
        and {"version", "gauss"} <= python.keys()
        and isinstance(numpy, dict)
        and isinstance(numpy.get("keys"), Tensor)
        and {"position", "has_gauss", "cached"} <= numpy.keys()
    ):
        return "has no random state"
    within = state.get("within_epoch")
    if within is not None and not (
        isinstance(within, dict)
        and isinstance(within.get("steps"), int)
        and within["steps"] >= 0
        and isinstance(within.get("loss_sum"), Tensor)
        and isinstance(within.get("seconds"), float)
    ):
        return "has a damaged position within the epoch"
    for name in ("threads", "global_step"):
        if not isinstance(state.get(name, 0), int):
            return f"has a damaged number of {name.replace('global_step', 'steps')}"
    return ""
