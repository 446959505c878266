"""Load the data that a run was trained on, to score items of it."""

from pathlib import Path
from typing import Any

from xgraph.training.config.build import build_config
from xgraph.training.files.checkpoint import HEADER, check_same_data
from xgraph.training.sources import Source


def own_source(state: dict[str, Any], path: Path, progress: bool) -> Source:
    """Load the data set of a run after checking that it has not changed."""
    from xgraph.training.fit.loading import load_again

    try:
        config = build_config({}, state[HEADER]["config"], saved=True)
    except (ValueError, TypeError) as error:
        raise ValueError(f"checkpoint: {path} has settings that cannot be read: {error}") from None
    source = load_again(config, path.parent, progress)
    check_same_data(state[HEADER], source, path)
    return source
