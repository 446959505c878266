"""Scores of an earlier run on the items of this one."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from xgraph.messages import listed
from xgraph.training.config.build import TrainConfig, build_config
from xgraph.training.config.traits import NOUNS
from xgraph.training.files.checkpoint import HEADER, check_feature_names, read_checkpoint
from xgraph.training.files.members import FOLD, SEED, fold_folders, seed_folders
from xgraph.training.files.rundir import BEST, LAST, NETWORK
from xgraph.training.files.saved_model import check_scores, load_model, loss_link

if TYPE_CHECKING:
    from xgraph.training.sources import Source


class Earlier(NamedTuple):
    """A finished run: its checkpoint, where it lies, and how this run's data look to it."""

    state: dict[str, Any]
    path: Path
    source: "Source"

    @classmethod
    def read(cls, path: Path, source: "Source", setting: str) -> "Earlier":
        """Read a checkpoint and prepare the data of this run for its model.

        Args:
            path: The checkpoint.
            source: The data of this run.
            setting: The setting that names the run, for messages.

        Raises:
            ValueError: If the run cannot score these data: it is for another kind of data or other features.
        """
        state = read_checkpoint(path)
        header = state[HEADER]
        check_scores(state, path)
        if header["kind"] != source.kind:
            raise ValueError(f"{setting}: {path} is a run on {NOUNS[header['kind']]}, but these are {source.noun}")
        try:
            config = build_config({}, header["config"], saved=True)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{setting}: {path} has settings that cannot be read: {error}") from None
        own = source.with_settings(config)
        if own.featurizer != header["featurizer"]:
            raise ValueError(
                f"{setting}: {path} was trained with features {header['featurizer']!r}, but these data have "
                f"{own.featurizer!r}; train both runs on the same kind of data with the same version"
            )
        if source.kind == "graph":
            check_feature_names(header, own.feature_names, path)
        sizes = {name: header["model_arguments"].get(name) for name in own.model_arguments if name.startswith("in_")}
        for name, size in sizes.items():
            if size != own.model_arguments[name]:
                raise ValueError(
                    f"{setting}: {path} was trained on {size} features, but these {source.noun} have "
                    f"{own.model_arguments[name]}"
                )
        return cls(state, path, own)

    @property
    def tasks(self) -> list[str]:
        """Names of its tasks."""
        return list(self.state[HEADER]["task_names"])

    @property
    def link(self) -> str:
        """How its logits become scores: "sigmoid", "softmax" or "identity"."""
        return loss_link(self.state)

    def score(self, positions: Tensor, device: str) -> npt.NDArray[np.float64]:
        """Return its logits on some items of this run's data, ``[n, T]``."""
        return self.source.score(load_model(self.state), positions, device=device)

    def columns(self, names: list[str]) -> dict[int, int]:
        """Return its column for each position in `names` that it has a task for."""
        place = {name: column for column, name in enumerate(self.tasks)}
        return {position: place[name] for position, name in enumerate(names) if name in place}


def find_run(run: str | Path, config: TrainConfig, setting: str) -> Path:
    """Return the best checkpoint of a run; for a run over folds or seeds, that of this run's fold and seed.

    Raises:
        FileNotFoundError: If there is none.
    """
    path, fold = Path(run), config.fold if isinstance(config.fold, int) else None
    if path.is_file():
        return path
    if folds := fold_folders(path):
        if fold is None or path / f"{FOLD}{fold}" not in folds:
            raise FileNotFoundError(
                f"{setting}: {path} is a run over folds, but this run has none of them; choose one of "
                f"{listed([folder.name for folder in folds])} in it"
            )
        path = path / f"{FOLD}{fold}"
    if seeds := seed_folders(path):
        if path / f"{SEED}{config.seed}" not in seeds:
            raise FileNotFoundError(
                f"{setting}: {path} is a run over seeds, but not over the seed {config.seed} of this run; choose one "
                f"of {listed([folder.name for folder in seeds])} in it"
            )
        path = path / f"{SEED}{config.seed}"
    for name in (NETWORK, BEST, LAST):
        if (path / name).is_file():
            return path / name
    raise FileNotFoundError(f"{setting}: expected a run directory or a checkpoint, but {path} has no {BEST}")


def scoring_device(config: TrainConfig) -> str:
    """Where earlier runs score, before this one has a device."""
    return "cuda" if config.device != "cpu" and torch.cuda.is_available() else "cpu"
