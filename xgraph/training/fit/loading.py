"""Load the data set of a run."""

import inspect
import warnings
from typing import TYPE_CHECKING, Any

from xgraph.messages import shown
from xgraph.training.config.build import TrainConfig
from xgraph.training.config.flat import PLACES

if TYPE_CHECKING:
    from xgraph.training.sources import Source


def load_data(config: TrainConfig, progress: bool, given: Any = None) -> "Source":
    """Load the data set of a run, and warn if some of its rows could not be read.

    Args:
        config: The settings of the run.
        progress: Whether to show progress.
        given: The data of a run that was trained on an object rather than a file or a data set by name.

    Raises:
        ValueError: If the data cannot be read, or were an object, which is not given.
    """
    from xgraph.data import load
    from xgraph.data.objects import is_frame, is_label, load_object
    from xgraph.training.fit.bars import data_progress
    from xgraph.training.sources import make_source

    if isinstance(config.fold, str | list):
        raise ValueError(f"fold: expected a single fold, got {config.fold!r}")
    if given is None and is_label(config.dataset):
        raise ValueError(
            f"dataset: the run was trained on data that were an object in Python, {config.dataset}; pass them again: "
            "train(data, resume=True, out=run), evaluate(run, 'test', data=data), predict(run, data)"
        )
    with data_progress(progress) as report:
        options = load_options(config)
        if given is None or is_frame(given):
            data: Any = load(config.dataset if given is None else given, **options, progress=report)
        else:
            data = load_object(given, options, report)
    if data.errors and not getattr(data, "reported", False):
        first = data.errors[0]
        files = getattr(data, "files", None)
        where = "row {1} of {0}".format(*files.place(first.row)) if files else f"row {first.row}"
        warnings.warn(
            f"left out {len(data.errors)} row(s) of {data.name!r} that could not be read; the first is {where}, "
            f"{shown(first.smiles)}: {first.message}",
            stacklevel=2,
        )
    return make_source(data, config)


def load_again(config: TrainConfig, run: object, progress: bool, given: Any = None) -> "Source":
    """Load the data set of an existing run; if a file is not at its place any more, say how to name the new one."""
    try:
        return load_data(config, progress, given)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{error}; if the data of {run} have moved, name their new place: `xgraph evaluate {run} --data FILE "
            f"--split PART` or `xgraph train FILE --resume --out {run}`; the content must be the same"
        ) from error


def load_options(config: TrainConfig) -> dict[str, Any]:
    """Return the settings that are options of `xgraph.data.load`, by the same names."""
    from xgraph.data import load

    options = {name: getattr(config, name) for name in inspect.signature(load).parameters if name in PLACES}
    return options if config.split_seed is None else {**options, "seed": config.split_seed}
