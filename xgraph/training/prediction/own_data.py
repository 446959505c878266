"""The data that runs were trained on, when they are to score items of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xgraph.training.config.build import build_config
from xgraph.training.files.checkpoint import HEADER, check_same_data
from xgraph.training.sources import Source


def check_same_items(states: list[dict[str, Any]], paths: Sequence[Path], data: str, noun: str) -> None:
    """Refuse an ensemble over several data sets: item 7 of one is not item 7 of another."""
    found = [(state[HEADER]["dataset"], state[HEADER]["num_items"]) for state in states]
    for other, path in zip(found, paths, strict=True):
        if other != found[0]:
            (one, many), (two, more) = found[0], other
            raise ValueError(
                f"run: an ensemble needs runs on the same {data}, got {one!r} with {many} {noun} ({paths[0]}) and "
                f"{two!r} with {more} {noun} ({path})"
            )


def own_source(state: dict[str, Any], path: Path, progress: bool) -> Source:
    """The data set of a run, as it was."""
    from xgraph.training.fit.train import load_data

    try:
        config = build_config({}, state[HEADER]["config"])
    except (ValueError, TypeError) as error:
        raise ValueError(f"checkpoint: {path} has settings that cannot be read: {error}") from None
    source = load_data(config, progress)
    check_same_data(state[HEADER], source, path)
    return source
