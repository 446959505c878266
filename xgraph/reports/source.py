"""A run directory, opened once for all sections of its report."""

from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from xgraph.reports.page.blocks import LeftOut
from xgraph.reports.predictions import Predictions, Scores
from xgraph.training import Run, TrainConfig
from xgraph.training.files.members import fold_folders, seed_folders
from xgraph.training.files.rundir import HISTORY, PREDICTIONS
from xgraph.training.files.warned import read_warnings

PARTS = ("train", "valid", "test")


class Source:
    """A finished run.

    Args:
        path: The run directory.

    Attributes:
        run: The run.
        left_out: What the report cannot show, and why. Sections append to it.
    """

    def __init__(self, path: str | Path) -> None:
        self.run = Run.open(path)
        self.left_out: list[LeftOut] = []

    @property
    def path(self) -> Path:
        """The run directory."""
        return self.run.path

    @property
    def metrics(self) -> dict[str, Any]:
        """The content of ``metrics.json``."""
        return self.run.metrics

    @cached_property
    def config(self) -> TrainConfig:
        """The settings; an error for a pretrained encoder."""
        return self.run.config

    @property
    def title(self) -> str:
        """What the run trained: its model, with its loss unless the model is fitted in a single step."""
        if self.is_encoder:
            return f"by the objective {self.metrics['objective']}"
        config = self.config
        model = "auto" if config.choose else config.model
        return model if config.fitted else f"{model} with {config.loss}"

    @property
    def dataset(self) -> str:
        """Name of the data set."""
        return str(self.first.metrics.get("dataset") or self.config.dataset)

    @property
    def kind(self) -> Literal["graph", "node", "bag"]:
        """What the run predicts for."""
        return self.config.data.kind

    @property
    def is_encoder(self) -> bool:
        """Whether this is a pretrained encoder, which has no predictions."""
        return "objective" in self.metrics

    @cached_property
    def folds(self) -> list["Source"]:
        """The runs of the folds; empty unless this is a run over several folds."""
        return [Source(folder) for folder in fold_folders(self.path)]

    @cached_property
    def seeds(self) -> list["Source"]:
        """The runs of the seeds; empty unless this is a run over several seeds."""
        return [Source(folder) for folder in seed_folders(self.path)]

    @cached_property
    def leaves(self) -> list["Source"]:
        """The single runs that this run consists of, over its folds and seeds; itself if it is one."""
        return [leaf for member in self.folds or self.seeds for leaf in member.leaves] or [self]

    @property
    def of_scores(self) -> dict[str, Any]:
        """The metrics of the scores in ``predictions.csv``: over seeds those of the mean score, not their mean."""
        ensemble: dict[str, Any] = self.metrics.get("ensemble", {}) if self.seeds else {}
        return ensemble or self.metrics

    @property
    def over(self) -> str:
        """What the figures are means over, such as "3 seeds"; empty for a single run."""
        if self.folds:
            return f"{len(self.folds)} folds"
        return f"{len(self.seeds)} seeds" if self.seeds else ""

    @property
    def first(self) -> "Source":
        """The run itself, or its first fold or seed, whose settings and tasks are those of all."""
        return self.leaves[0]

    @property
    def several_classes(self) -> bool:
        """Whether the tasks are classes that exclude each other."""
        return "classes" in self.first.metrics

    @property
    def predicts_numbers(self) -> bool:
        """Whether numbers are predicted (regression)."""
        return self.first.metrics.get("task") == "regression"

    @property
    def tasks(self) -> list[str]:
        """Names of the tasks, or of the classes."""
        return self.predictions.tasks

    @property
    def metric(self) -> str:
        """The metric that is tracked."""
        return str(self.first.metrics.get("metric", "ap"))

    @property
    def parts(self) -> list[str]:
        """The parts that were scored, in order."""
        return [name for name in PARTS if isinstance(self.metrics.get(name), dict)]

    @cached_property
    def history(self) -> pd.DataFrame | None:
        """One row per epoch; None if the run has none."""
        file = self.path / HISTORY
        return pd.read_csv(file) if file.is_file() else None

    @property
    def records_all(self) -> bool:
        """Whether the run recorded its warnings and the labels of its training part, as older versions did not."""
        return "train_labels" in self.first.metrics

    @property
    def warnings(self) -> list[str]:
        """The warnings that the run has recorded."""
        every = [text for one in self.leaves for text in read_warnings(one.path) or []]
        return list(dict.fromkeys(every))

    @cached_property
    def predictions(self) -> Predictions:
        """The predictions, which may be missing."""
        metrics = self.first.metrics
        tasks = metrics.get("classes") or metrics.get("tasks") or []
        return Predictions(self.path / PREDICTIONS, tasks, self.several_classes)

    def scores(self, part: str) -> Scores | None:
        """Return the labels and scores of a part, or None if the run has none. Nothing else is read."""
        return self.predictions.scores(part)
