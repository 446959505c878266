"""Load the data set of a run."""

import inspect
import warnings
from typing import TYPE_CHECKING, Any

from xgraph.messages import shown
from xgraph.training.config.build import TrainConfig
from xgraph.training.config.flat import PLACES

if TYPE_CHECKING:
    from xgraph.training.sources import Source


def load_data(config: TrainConfig, progress: bool) -> "Source":
    """Load the data set of a run, and warn if some of its rows could not be read."""
    from xgraph.data import load
    from xgraph.training.fit.bars import data_progress
    from xgraph.training.sources import make_source

    if isinstance(config.fold, str | list):
        raise ValueError(f"fold: expected a single fold, got {config.fold!r}")
    with data_progress(progress) as report:
        data = load(config.dataset, **load_options(config), progress=report)
    if data.errors:
        first = data.errors[0]
        warnings.warn(
            f"left out {len(data.errors)} row(s) of {data.name!r} that could not be read; the first is row "
            f"{first.row}, {shown(first.smiles)}: {first.message}",
            stacklevel=2,
        )
    return make_source(data, config)


def load_options(config: TrainConfig) -> dict[str, Any]:
    """Return the settings that are options of `xgraph.data.load`, by the same names."""
    from xgraph.data import load

    return {name: getattr(config, name) for name in inspect.signature(load).parameters if name in PLACES}
