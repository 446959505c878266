"""The runs that score together: their checkpoints, and what all of them must share."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from xgraph.training.files.checkpoint import HEADER, read_checkpoint
from xgraph.training.files.rundir import BEST, CONFIG, fold_folders
from xgraph.training.files.saved_model import check_scores
from xgraph.training.prediction.ensemble import check_finished, check_members
from xgraph.training.prediction.own_data import own_source
from xgraph.training.sources import Source

if TYPE_CHECKING:
    import pandas as pd


class Members(NamedTuple):
    """Checkpoints of runs with the same tasks, and how to score with them."""

    states: list[dict[str, Any]]
    paths: list[Path]
    device: str
    progress: bool

    @classmethod
    def read(cls, run: str | Path | Sequence[str | Path], device: str, progress: bool) -> "Members":
        """Read the best checkpoints of runs."""
        paths = checkpoints(run)
        states = [read_checkpoint(path) for path in paths]
        for state, path in zip(states, paths, strict=True):
            check_scores(state, path)
        check_members(states, paths)
        return cls(states, paths, device, progress)

    @property
    def header(self) -> dict[str, Any]:
        """The header of the first checkpoint."""
        header: dict[str, Any] = self.states[0][HEADER]
        return header

    @property
    def tasks(self) -> list[str]:
        """Names of the tasks."""
        tasks: list[str] = self.header["task_names"]
        return tasks

    def own_sources(self, data: str, noun: str) -> Iterator[Source]:
        """The data of each run, one after the other: item 7 of one data set is not item 7 of another."""
        items = [(state[HEADER]["dataset"], state[HEADER]["num_items"]) for state in self.states]
        for other, path in zip(items, self.paths, strict=True):
            if other != items[0]:
                (one, many), (two, more) = items[0], other
                raise ValueError(
                    f"run: an ensemble needs runs on the same {data}, got {one!r} with {many} {noun} ({self.paths[0]}) "
                    f"and {two!r} with {more} {noun} ({path})"
                )
        return (own_source(state, path, self.progress) for state, path in zip(self.states, self.paths, strict=True))


def checkpoints(run: str | Path | Sequence[str | Path]) -> list[Path]:
    """The best checkpoints of runs, of all folds where a run has them."""
    paths: list[Path] = []
    runs = [run] if isinstance(run, str | Path) else list(run)
    for path in map(Path, runs):
        if path.is_file():
            paths.append(path)
            continue
        for folder in fold_folders(path) or [path]:
            if not (folder / BEST).is_file():
                what = "has no best epoch yet" if (folder / CONFIG).is_file() else "is not a run directory"
                raise FileNotFoundError(f"run: {folder} {what} (no {BEST})")
            paths.append(folder / BEST)
    if not paths:
        raise ValueError("run: expected at least one run directory, got none")
    check_finished(runs)
    return paths


def run_kind(run: str | Path) -> str:
    """What a run was trained on: "graph" (molecules), "node" or "bag"."""
    return str(read_checkpoint(checkpoints(run)[0])[HEADER]["kind"])


def check_featurizer(state: Mapping[str, Any], now: str) -> None:
    """Refuse to score with other features than a run was trained on."""
    header = state[HEADER]
    if header["featurizer"] != now:
        raise ValueError(
            f"run: trained on features {header['featurizer']!r} by xgraph {header['version']}, but this version makes "
            f"{now!r}; train again"
        )


def existing(path: str | Path, argument: str, noun: str) -> Path:
    """The path of a file of items."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"{argument}: no file {str(path)!r}; to score {noun}, pass a list of them")
    return Path(path)


def empty_smiles(texts: Sequence[str]) -> list[str]:
    """The errors of texts that hold no SMILES; empty for the others."""
    return ["" if text.strip() else "empty: no SMILES in this row" for text in texts]


def at_rows(frame: "pd.DataFrame", filled: npt.NDArray[np.bool_]) -> "pd.DataFrame":
    """The rows of a table at the places that are filled, and missing values at the others."""
    return frame if filled.all() else frame.set_axis(np.flatnonzero(filled)).reindex(range(len(filled)))
