"""Predictions for a table of molecules of any length: read, scored and written piece by piece."""

import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from xgraph.training.fit.bars import data_progress
from xgraph.training.prediction.members import Members
from xgraph.training.prediction.output.given import Given, Outcome, number_of_lines
from xgraph.training.prediction.output.names import Scores, long_names, short_names
from xgraph.training.prediction.output.writing import Piece, write_pieces
from xgraph.training.prediction.scorer import Scored
from xgraph.training.prediction.smiles import choose_column
from xgraph.training.scoring.ensemble import Ensemble

if TYPE_CHECKING:
    from xgraph.data.tables.columns import Columns

Scorer = Callable[[Iterable[Sequence[str]]], Generator[Scored, None, None]]
Report = Callable[[int, int, str], None]


class _Rows(NamedTuple):
    """Consecutive rows with their scores."""

    start: int
    cells: "Columns"
    score: Scores
    std: Scores | None
    errors: list[str]


class TableStream:
    """Scores a table of molecules piece by piece.

    Args:
        members: The runs.
        scorer: Scores their molecules.
        given: The table.
        combine: How the scores of the runs are combined.
        only_scores: Whether only the SMILES are kept of the table.
        shard: Which part of the rows to write, as ``(i, n)`` with i from 1 to n.
    """

    def __init__(
        self,
        members: Members,
        scorer: Scorer,
        given: Given,
        *,
        combine: str = "mean",
        only_scores: bool = False,
        shard: tuple[int, int] | None = None,
    ) -> None:
        self._members, self._scorer, self._given = members, scorer, given
        self._combine, self._only_scores, self._shard = combine, only_scores, shard
        with closing(given.pieces()) as pieces:
            first = next(pieces)
        self._header, self._head = list(first), first
        self.column = choose_column(members, first, given.smiles_column, given.path)
        options: dict[str, Any] = {"spread": len(members.states) > 1, "predicted": members.several_classes}
        options["more"] = members.uncertainty
        if only_scores:
            self._names = short_names(members.tasks, "smiles", **options)
        else:
            self._names = long_names(members.tasks, self._header, **options)
        self._rows, self._failed, self._first = 0, 0, ""

    def write(self, out: Path | None) -> Outcome:
        """Score the table and write the result."""
        with data_progress(self._members.progress) as report, closing(self._pieces(report)) as pieces:
            write_pieces(out, pieces)
        return Outcome(self._rows, self._failed, self._first, self.column, self._others())

    def _others(self) -> list[str]:
        """Return the columns with SMILES if the one that was read has none."""
        from xgraph.data.molecules.smiles_column import share_parsed

        if not self._failed == self._rows > 0:
            return []
        return [name for name, cells in self._head.items() if name != self.column and share_parsed(cells) > 0.5]

    def _pieces(self, report: Report | None) -> Generator[Piece, None, None]:
        """Yield the rows to write; the first piece is the header."""
        first, last = 0, sys.maxsize
        length = number_of_lines(self._given.path) if report is not None else 0
        if self._shard is not None:
            number, parts = self._shard
            total = sum(map(_length, self._given.pieces()))
            first, last = total * (number - 1) // parts, total * number // parts
            length = last - first
        yield self._written({name: [] for name in self._header}, self._nothing(), None, [])
        for rows in self._scored(first, last):
            own = slice(max(first - rows.start, 0), last - rows.start)
            errors = rows.errors[own]
            cells = {name: column[own] for name, column in rows.cells.items()}
            yield self._written(cells, rows.score[own], None if rows.std is None else rows.std[own], errors)
            self._count(errors, max(first, rows.start))
            if report is not None:
                report(self._rows, length, "scoring")

    def _scored(self, first: int, last: int) -> Generator[_Rows, None, None]:
        """Yield the pieces that have rows in a range, with their scores; the scorer reads some pieces ahead.

        Pieces are scored whole: so a row has the same score in whichever part it is written.
        """
        waiting: deque[tuple[int, Columns]] = deque()

        def texts() -> Generator[list[str], None, None]:
            for start, piece in self._between(first, last):
                waiting.append((start, piece))
                yield ["" if i in piece.errors else cell.strip() for i, cell in enumerate(piece[self.column])]
                if self._combine == "rank":
                    waiting.clear()

        if self._combine == "rank":
            every = Scored.joined(list(self._scorer(texts())), len(self._members.states), len(self._members.tasks))
            score, std = every.combined(Ensemble("rank"))
            for start, piece in self._between(first, last):
                rows = slice(start, start + _length(piece))
                errors = _errors(piece, every.errors[rows])
                yield _Rows(start, piece, score[rows], None if std is None else std[rows], errors)
            return
        with closing(self._scorer(texts())) as results:
            for scored in results:
                start, piece = waiting.popleft()
                score, std = scored.combined(Ensemble())
                yield _Rows(start, piece, score, std, _errors(piece, scored.errors))

    def _between(self, first: int, last: int) -> "Generator[tuple[int, Columns], None, None]":
        """Yield the pieces that have rows in a range, with the number of their first row."""
        start = 0
        with closing(self._given.pieces()) as pieces:
            for piece in pieces:
                stop = start + _length(piece)
                if max(start, first) < min(stop, last):
                    yield start, piece
                start = stop
                if start >= last:
                    return

    def _nothing(self) -> Scores:
        return np.empty((0, len(self._members.tasks)))

    def _written(self, cells: Piece, score: Scores, std: Scores | None, errors: list[str]) -> Piece:
        """Return rows as they are written."""
        if std is None and len(self._members.states) > 1:
            std = self._nothing()
        kept = {"smiles": [cell.strip() for cell in cells[self.column]]} if self._only_scores else cells
        return {**kept, **self._names.columns(self._members.tasks, score, std, errors)}

    def _count(self, errors: list[str], start: int) -> None:
        """Count rows without a score."""
        self._rows += len(errors)
        self._failed += sum(map(bool, errors))
        if not self._first:
            self._first = next((f"row {start + i}: {error}" for i, error in enumerate(errors) if error), "")


def _length(piece: "Columns") -> int:
    return len(next(iter(piece.values()), []))


def _errors(piece: "Columns", errors: list[str]) -> list[str]:
    """Return the errors of rows, of which those of reading the table come first."""
    return [piece.errors.get(i, error) for i, error in enumerate(errors)]
