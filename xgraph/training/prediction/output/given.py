"""A table of molecules to score, and what became of its rows."""

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from xgraph.training.prediction.scorer import CHUNK

if TYPE_CHECKING:
    from xgraph.data.tables.columns import Columns

_LINES = (".csv", ".tsv", ".txt", ".smi")


class Given(NamedTuple):
    """A table of molecules to score.

    Args:
        path: The file.
        smiles_column: Its column of SMILES, if it was named.
        separator: What separates its cells, if it was named.
        encoding: Its encoding, if it was named.
    """

    path: Path
    smiles_column: str | None = None
    separator: str | None = None
    encoding: str | None = None

    def pieces(self) -> "Generator[Columns, None, None]":
        """Yield the pieces of the table."""
        from xgraph.data.tables.read import read_batches

        try:
            yield from read_batches(self.path, CHUNK, separator=self.separator, encoding=self.encoding)
        except OSError as error:  # not to be taken for an error of the file that is written
            raise ValueError(f"items: {self.path} cannot be read: {error.strerror or error}") from error


class Outcome(NamedTuple):
    """What became of the rows of a table.

    Args:
        rows: Number of rows.
        failed: Number of rows among them that have no score.
        first: The first of these, and why.
        column: Column from which the SMILES were read, if they were.
        others: Other columns with SMILES, if no row of this one has a score.
    """

    rows: int
    failed: int
    first: str = ""
    column: str | None = None
    others: Sequence[str] = ()


def number_of_lines(path: Path) -> int:
    """About how many rows a file of text has, for the progress bar; 0 if it is not known at once."""
    if path.suffix.lower() not in _LINES:
        return 0
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b"")) - 1
