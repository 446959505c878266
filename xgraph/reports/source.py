"""A run directory, opened once for all sections of its report."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from xgraph.reports.page.blocks import LeftOut
from xgraph.training import Run, TrainConfig
from xgraph.training.files.rundir import HISTORY, PREDICTIONS, fold_folders
from xgraph.training.files.warned import read_warnings

PARTS = ("train", "valid", "test")


class Scores(NamedTuple):
    """The predictions of a part.

    Args:
        labels: 0, 1 or NaN for a missing label, shape ``[N, T]``; one-hot for classes that exclude each other.
        scores: What the run predicts, shape ``[N, T]``.
        rows: Positions in the table of predictions, shape ``[N]``.
    """

    labels: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]
    rows: npt.NDArray[np.int64]


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

    @property
    def seeds(self) -> list["Source"]:
        """The runs of the seeds; empty unless this is a run over several seeds."""
        return [Source(one.path) for one in self.run.seeds]

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
        members = self.folds or self.seeds
        return members[0].first if members else self

    @property
    def several_classes(self) -> bool:
        """Whether the tasks are classes that exclude each other."""
        return "classes" in self.first.metrics

    @property
    def tasks(self) -> list[str]:
        """Names of the tasks, or of the classes."""
        metrics = self.first.metrics
        return list(metrics.get("classes") or metrics.get("tasks") or self._tasks_of_predictions())

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
        every = [text for one in (self.folds or self.seeds or [self]) for text in read_warnings(one.path) or []]
        return list(dict.fromkeys(every))

    @cached_property
    def predictions(self) -> pd.DataFrame | None:
        """The table of predictions with its columns as text, but for labels and scores; None if the run has none."""
        table = self._table(None)
        return None if table is None else table.to_pandas()

    def scores(self, part: str) -> Scores | None:
        """Return the labels and scores of a part, or None if the run has none. Nothing else is read."""
        numbers = self._numbers
        if numbers is None:
            return None
        split, labels, scores = numbers
        rows = np.flatnonzero(split == part)
        return Scores(labels[rows], scores[rows], rows) if len(rows) else None

    def items(self, part: str) -> Any:
        """Return the columns that identify the items of a part, as a table of Arrow."""
        import pyarrow.compute as pc

        count = len(self.tasks)
        own = count + 2 if self.several_classes else 2 * count
        table = self._table(self._header[: len(self._header) - own])
        return table.filter(pc.equal(table.column("split"), part))

    @cached_property
    def _header(self) -> list[str]:
        file = self.path / PREDICTIONS
        columns = list(pd.read_csv(file, nrows=0).columns) if file.is_file() else []
        while columns and columns[-1].endswith("_std"):  # of a run over seeds; else the last one is a score
            columns.pop()
        return columns

    def _tasks_of_predictions(self) -> list[str]:
        """Names of the tasks of a run whose metrics do not list them: each has a column beside that of its score."""
        pairs = zip(self._header, self._header[1:], strict=False)
        return [name for name, score in pairs if score == f"{name}_score"]

    @cached_property
    def _numbers(self) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
        """The part, the labels and the scores of each row of the predictions."""
        count = len(self.tasks)
        own = self._header[-(count + 2) :] if self.several_classes else self._header[-2 * count :]
        table = self._table(["split", *own])
        if table is None or not count:
            return None
        split = table.column("split").to_numpy()

        def matrix(names: Sequence[str]) -> npt.NDArray[np.float64]:
            columns = [table.column(name).to_numpy().astype(np.float64) for name in names]
            return np.stack(columns, axis=1) if columns else np.empty((len(split), 0))

        if not self.several_classes:
            return split, matrix(own[::2]), matrix(own[1::2])
        known = table.column(own[0]).to_numpy()
        labels = np.stack([known == name for name in self.tasks], axis=1).astype(np.float64)
        labels[~labels.any(axis=1)] = np.nan
        return split, labels, matrix(own[2:])

    def _table(self, columns: Sequence[str] | None) -> Any:
        """Read columns of the predictions, all by default; labels and scores as numbers, all else as text."""
        import pyarrow as pa
        from pyarrow import csv

        file = self.path / PREDICTIONS
        if not file.is_file():
            return None
        count = len(self.tasks)
        numbers = self._header[-count:] if self.several_classes else self._header[-2 * count :]
        types = {name: pa.float64() if name in numbers and count else pa.string() for name in self._header}
        return csv.read_csv(
            file,
            parse_options=csv.ParseOptions(newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                include_columns=columns, column_types=types, strings_can_be_null=False, null_values=[""]
            ),
        )
