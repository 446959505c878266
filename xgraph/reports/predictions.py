"""The predictions of a run, of which only what is asked for is read: a run can have millions of them."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from xgraph.training.scoring.sweep import Sweep, sweep

_BLOCK = 1 << 24
"""Bytes of the file that are read at a time where single rows are looked up."""


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


class Predictions:
    """The table ``predictions.csv`` of a run.

    Args:
        file: The table, which may be missing.
        tasks: Names of the tasks or classes; those of the columns if there are none.
        several_classes: Whether the tasks are classes that exclude each other.
    """

    def __init__(self, file: Path, tasks: Sequence[str], several_classes: bool) -> None:
        self.file, self.several_classes = file, several_classes
        self.header: list[str] = list(pd.read_csv(file, nrows=0).columns) if file.is_file() else []
        while self.header and self.header[-1].endswith("_std"):  # of a run over seeds; else the last one is a score
            self.header.pop()
        self.tasks = list(tasks) or self._tasks_of_header()
        self._parts: dict[str, Scores | None] = {}
        self._sweeps: dict[str, dict[int, Sweep]] = {}

    def scores(self, part: str) -> Scores | None:
        """Return the labels and scores of a part, or None if there are none."""
        if part not in self._parts:
            self._parts[part] = self._scores(part)
        return self._parts[part]

    def sweeps(self, part: str) -> dict[int, Sweep]:
        """Return the counts of each task that has both classes in a part, by its number."""
        if part not in self._sweeps:
            own = self.scores(part)
            tasks = range(0 if own is None else len(self.tasks))
            every = {task: sweep(own.labels[:, task], own.scores[:, task]) for task in tasks if own is not None}
            self._sweeps[part] = {task: one for task, one in every.items() if one is not None}
        return self._sweeps[part]

    def items(self, part: str) -> Any:
        """Return the columns that identify the items of a part, as a table of Arrow."""
        import pyarrow.compute as pc

        table = self._table(self.header[: len(self.header) - self._own])
        return table.filter(pc.equal(table.column("split"), part))

    def texts(self, column: str, rows: npt.NDArray[np.int64]) -> list[str]:
        """Return the text that some rows have in a column. The file is read in blocks, and nothing else is kept."""
        import pyarrow as pa
        from pyarrow import csv

        order = np.argsort(rows, kind="stable")
        ranked, found, start = rows[order], [""] * len(rows), 0
        read = csv.ReadOptions(block_size=_BLOCK)
        with csv.open_csv(self.file, read, self._parse(), self._convert([column])) as blocks:
            for block in blocks:
                first, last = np.searchsorted(ranked, [start, start + len(block)])
                if first < last:
                    texts = block.column(0).take(pa.array(ranked[first:last] - start)).to_pylist()
                    for at, text in zip(order[first:last].tolist(), texts, strict=True):
                        found[at] = text
                start += len(block)
                if last == len(rows):
                    break
        return found

    @property
    def _own(self) -> int:
        """Number of columns with labels, decisions and scores; the last ones."""
        return len(self.tasks) + 2 if self.several_classes else 2 * len(self.tasks)

    def _tasks_of_header(self) -> list[str]:
        """Names of the tasks: each has a column beside that of its score."""
        pairs = zip(self.header, self.header[1:], strict=False)
        return [name for name, score in pairs if score == f"{name}_score"]

    def _scores(self, part: str) -> Scores | None:
        if self._numbers is None:
            return None
        split, labels, scores = self._numbers
        rows = np.flatnonzero(split == part)
        if not len(rows):
            return None
        first, last = int(rows[0]), int(rows[-1]) + 1
        own = slice(first, last) if last - first == len(rows) else rows  # a part in one piece is not copied
        return Scores(labels[own], scores[own], rows)

    @cached_property
    def _numbers(self) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
        """The part, the labels and the scores of each row."""
        if not self.file.is_file() or not self.tasks:
            return None
        own = self.header[-self._own :]
        table = self._table(["split", *own])
        parts = table.column("split").combine_chunks().dictionary_encode()  # and not one text per row
        names = np.array(parts.dictionary.to_pylist(), dtype=object)
        split = names[parts.indices.to_numpy()] if len(names) else np.empty(0, object)

        def matrix(columns: Sequence[str]) -> npt.NDArray[np.float64]:
            values = np.empty((len(split), len(columns)), order="F")
            for at, name in enumerate(columns):
                values[:, at] = table.column(name).to_numpy()
            return values

        if not self.several_classes:
            return split, matrix(own[::2]), matrix(own[1::2])
        known = table.column(own[0]).to_numpy()
        labels = np.stack([known == name for name in self.tasks], axis=1).astype(np.float64)
        labels[~labels.any(axis=1)] = np.nan
        return split, labels, matrix(own[2:])

    def _table(self, columns: Sequence[str]) -> Any:
        from pyarrow import csv

        return csv.read_csv(self.file, parse_options=self._parse(), convert_options=self._convert(columns))

    @staticmethod
    def _parse() -> Any:
        from pyarrow import csv

        return csv.ParseOptions(newlines_in_values=True)

    def _convert(self, columns: Sequence[str]) -> Any:
        """Read labels and scores as numbers, all else as text."""
        import pyarrow as pa
        from pyarrow import csv

        count = len(self.tasks)
        numbers = set(self.header[-count:] if self.several_classes else self.header[-2 * count :]) if count else set()
        types = {name: pa.float64() if name in numbers else pa.string() for name in self.header}
        return csv.ConvertOptions(
            include_columns=columns, column_types=types, strings_can_be_null=False, null_values=[""]
        )
