"""The members of an ensemble: their checkpoints, and what they must have in common."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from xgraph.messages import shown
from xgraph.training.config.build import registry
from xgraph.training.files.checkpoint import HEADER, read_checkpoint
from xgraph.training.files.members import leaf_folders
from xgraph.training.files.rundir import BEST, CONFIG
from xgraph.training.files.saved_model import RANK_MEAN, check_scores, loss_link, predicts_numbers
from xgraph.training.prediction.ensemble import check_finished, check_members
from xgraph.training.prediction.own_data import own_source
from xgraph.training.prediction.uncertainty import Uncertainty, uncertainty_of
from xgraph.training.sources import Source

if TYPE_CHECKING:
    import pandas as pd


class Members(NamedTuple):
    """Checkpoints of runs with the same tasks, the device to score on, and what is said beside their scores."""

    states: list[dict[str, Any]]
    paths: list[Path]
    device: str
    progress: bool
    uncertainty: Uncertainty | None = None

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

    @property
    def several_classes(self) -> bool:
        """Whether the tasks are classes that exclude each other."""
        return self.header["config"].get("task") == "multiclass" or loss_link(self.states[0]) == "softmax"

    @property
    def numbers(self) -> bool:
        """Whether the tasks are numbers to predict."""
        return predicts_numbers(self.header)

    @property
    def kinds(self) -> dict[str, bool]:
        """What the scores are, for `Ensemble`."""
        return {"several_classes": self.several_classes, "numbers": self.numbers}

    def with_uncertainty(self, alpha: float | None, calibrate: str | None, combine: str = "mean") -> "Members":
        """Return the same runs with what they say beside their scores; see `uncertainty_of`."""
        how: dict[str, Any] = {"alpha": alpha, "calibrate": calibrate, "combine": combine, "numbers": self.numbers}
        return self._replace(uncertainty=uncertainty_of(self.paths, self.tasks, self.several_classes, **how))

    @property
    def of_whole_bags(self) -> list[Path]:
        """The checkpoints of models that score whole bags by statistics of their instances, alone or among others."""
        known = registry("model")
        models = [state[HEADER]["model"] for state in self.states]
        whole = {RANK_MEAN, *(name for name, model in known.items() if model.fitted)}
        return [path for name, path in zip(models, self.paths, strict=True) if name in whole]

    def own_sources(self, data: str, noun: str) -> Iterator[Source]:
        """Yield the data of each run after checking that all runs are on the same data set."""
        items = [(state[HEADER]["dataset"], state[HEADER]["num_items"]) for state in self.states]
        for other, path in zip(items, self.paths, strict=True):
            if other != items[0]:
                (one, many), (two, more) = items[0], other
                raise ValueError(
                    f"run: the runs of an ensemble must be on the same {data}, got {one!r} with {many} {noun} "
                    f"({self.paths[0]}) and {two!r} with {more} {noun} ({path})"
                )
        return (own_source(state, path, self.progress) for state, path in zip(self.states, self.paths, strict=True))


def checkpoints(run: str | Path | Sequence[str | Path]) -> list[Path]:
    """Return the best checkpoints of runs; for a run over folds or seeds, those of all of them."""
    paths: list[Path] = []
    runs = [run] if isinstance(run, str | Path) else list(run)
    for path in map(Path, runs):
        if path.is_file():
            paths.append(path)
            continue
        for folder in leaf_folders(path):
            if not (folder / BEST).is_file():
                what = "has no best epoch yet" if (folder / CONFIG).is_file() else "is not a run directory"
                raise FileNotFoundError(f"run: {folder} {what} (no {BEST})")
            paths.append(folder / BEST)
    if not paths:
        raise ValueError("run: expected at least one run directory, got none")
    check_finished(runs)
    return paths


def run_kind(run: str | Path) -> str:
    """Return the kind of data that a run was trained on: "graph" (molecules), "node" or "bag"."""
    return str(read_checkpoint(checkpoints(run)[0])[HEADER]["kind"])


class Reading(NamedTuple):
    """How a run reads molecules.

    Args:
        standardize: Whether it reduces each molecule to its largest fragment, neutralised.
        atom_order: Order in which it reads atoms, "canonical" or "drawn".
    """

    standardize: bool
    atom_order: str

    @classmethod
    def of(cls, header: Mapping[str, Any]) -> "Reading":
        """Return how the run with this header reads molecules."""
        from xgraph.data.molecules.standardize import atom_order_of

        return cls(bool(header["standardize"]), atom_order_of(header["featurizer"]))


def check_featurizer(state: Mapping[str, Any], now: str, *, any_order: bool = False) -> None:
    """Raise `ValueError` if features are not computed as they were when a run was trained.

    Args:
        state: The checkpoint of the run.
        now: Version of the features.
        any_order: Whether atoms may be in another order, as in graphs that come without SMILES.
    """
    header = state[HEADER]
    if header["featurizer"] != now and not (any_order and header["featurizer"].replace("+canonical/1", "") == now):
        raise ValueError(
            f"run: trained with features {header['featurizer']!r} by xgraph {header['version']}, but this version "
            f"computes {now!r}; train again"
        )


def checked_path(path: str | Path, argument: str, noun: str) -> Path:
    """Return the path of a file of items after checking that it exists."""
    if not os.path.isfile(path):  # unlike `Path.is_file`, no error for a long SMILES
        raise FileNotFoundError(f"{argument}: no file {shown(str(path), 250)}; to score {noun}, pass them as a list")
    return Path(path)


def empty_smiles(texts: Sequence[str]) -> list[str]:
    """Return an error message for each blank text, and an empty one for the others."""
    return ["" if text.strip() else "empty: no SMILES in this row" for text in texts]


def spread_rows(frame: "pd.DataFrame", filled: npt.NDArray[np.bool_]) -> "pd.DataFrame":
    """Spread the rows of a table over the filled places, with missing values at the others."""
    return frame if filled.all() else frame.set_axis(np.flatnonzero(filled)).reindex(range(len(filled)))
