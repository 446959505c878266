"""`xgraph.predict_file`: score a file and write the result to another, as the command ``xgraph predict`` does."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from xgraph.options import OptionError
from xgraph.training.prediction.members import Members, checked_path
from xgraph.training.prediction.new_bags import makes_conformers
from xgraph.training.prediction.output.given import Given, Outcome
from xgraph.training.prediction.output.stream import Scorer, TableStream
from xgraph.training.prediction.output.writing import STANDARD, check_format, write_predictions
from xgraph.training.prediction.predict import score_items
from xgraph.training.prediction.scorer import MoleculeScorer
from xgraph.training.prediction.smiles import own_columns
from xgraph.training.prediction.uncertainty import check_asked
from xgraph.training.scoring.ensemble import Ensemble
from xgraph.training.scoring.inference import choose_device


def predict_file(
    run: str | Path | Sequence[str | Path],
    items: str | Path | None,
    out: str | Path,
    *,
    combine: str = "mean",
    only_scores: bool = False,
    shard: tuple[int, int] | None = None,
    smiles_column: str | None = None,
    bag_column: str | None = None,
    instances_out: str | Path | None = None,
    separator: str | None = None,
    encoding: str | None = None,
    device: str = "auto",
    progress: bool = False,
    nodes: Sequence[str] | None = None,
    alpha: float | None = None,
    calibrate: str | None = None,
) -> Outcome:
    r"""Score a file and write it to another with the scores beside its own columns, as ``xgraph predict`` does.

    A table of molecules is read, scored and written piece by piece, so that memory does not grow with its length, and
    nothing is cached. A file is written under another name first, and is replaced only when it is complete.

    Args:
        run: A run directory, or several that form an ensemble, as for :func:`~xgraph.training.predict`.
        items: A table of molecules, of nodes or of bags, or a graph or a folder of bags as for `predict`; ``"-"`` is
            standard input. None scores all nodes or bags of the run's own data.
        out: The file to write: CSV, TSV or Parquet (``.csv``, ``.tsv``, ``.parquet``), the first two also compressed
            (``.gz``, ``.zst``); ``"-"`` is standard output, as CSV.

            - Molecules and nodes: one row per row of the table, with all of its columns as they are.
            - Bags: one row per bag, with the columns of the table that have one value for each bag and are no features.

            Then come ``predicted`` (for mutually exclusive classes), ``TASK_score`` for each task, ``TASK_std`` for
            several runs, the columns of ``alpha`` and ``calibrate``, and ``error``. A number is appended to a name that
            the table has already, with a warning.
        combine: How to combine the scores of an ensemble: "mean", or "rank", for which a table is read twice.
        only_scores: Write only the SMILES (or ``node``, or ``bag``) of the table, and call scores ``TASK``.
        shard: Score one of n blocks of consecutive rows: (i, n) with i from 1 to n. Each has a header. The rows of all
            blocks in order are those of the whole.
        smiles_column: Column of SMILES, as for `predict`.
        bag_column: Column that names the bag of each row, as for `predict`.
        instances_out: For runs on bags, a file to write with one row per instance, as for `predict`.
        separator: What separates the cells of a table: a character, or comma, tab, semicolon or space; recognised by
            default.
        encoding: Encoding of a table; by default UTF-8, or UTF-16 if it has a byte-order mark.
        device: "auto", "cpu" or "cuda".
        progress: Show progress on stderr if it is a terminal.
        nodes: Names of the nodes to score, as for `predict`.
        alpha: Add conformal p-values and sets, as for `predict`.
        calibrate: Add calibrated probabilities, as for `predict`.

    Returns:
        The numbers of rows and of those without a score, the first of these with its error, and the column from which
        SMILES were read.

    Raises:
        OptionError: If an option does not apply to the run. It is a ``ValueError``.
        FileNotFoundError: If there is no such run or file.
        ValueError: If a run or the file cannot be read.

    Example:
        >>> import tempfile, xgraph
        >>> folder = Path(tempfile.mkdtemp())
        >>> short = dict(epochs=1, pretrain_epochs=0, hidden_channels=4, num_layers=1)
        >>> run = xgraph.train("nci-pains", out=folder / "run", **short)
        >>> _ = (folder / "new.csv").write_text("id,smiles\n7,CCO\n8,C1CC\n")
        >>> done = predict_file(run.path, folder / "new.csv", folder / "scores.csv")
        >>> done.rows, done.failed, (folder / "scores.csv").read_text().splitlines()[0]
        (2, 1, 'id,smiles,pains_score,error')
    """
    target = None if str(out) == STANDARD else Path(out)
    if target is not None:
        check_format(target, "out")
    if shard is not None:
        _check_shard(shard, combine)
    where = choose_device(device)
    Ensemble(combine)  # fail before checkpoints are read
    check_asked(alpha, calibrate, combine)
    members = Members.read(run, where, progress).with_uncertainty(alpha, calibrate, combine)
    Ensemble(combine, **members.kinds)
    conformers = members.header["kind"] == "bag" and makes_conformers(members.states[0])
    with _stored(items) as path:
        if path is not None and instances_out is None and (conformers or members.header["kind"] == "graph"):
            if bag_column is not None:
                raise OptionError(f"bag_column = {bag_column!r}: this option is for runs on bags")
            given = Given(checked_path(path, "items", "SMILES strings"), smiles_column, separator, encoding)
            stream = TableStream(
                members, _scorer(members, conformers), given, combine=combine, only_scores=only_scores, shard=shard
            )
            if progress and smiles_column is None and own_columns(members) == [None]:
                sys.stderr.write(f"{path}: reading SMILES from {stream.column!r}\n")  # no run says which
            return stream.write(target)
        if shard is not None:
            raise OptionError("shard: this option is for tables of molecules")
        result = score_items(
            members,
            path,
            combine=combine,
            smiles_column=smiles_column,
            bag_column=bag_column,
            instances_out=instances_out,
            separator=separator,
            encoding=encoding,
            keep_columns=not only_scores,
            nodes=nodes,
        )
    write_predictions(result.frame, target)
    first = next((f"row {row}: {error}" for row, error in enumerate(result.errors) if error), "")
    return Outcome(len(result.errors), sum(map(bool, result.errors)), first)


def _scorer(members: Members, conformers: bool) -> Scorer:
    if conformers:
        from xgraph.training.prediction.conformers import ConformerScorer

        return ConformerScorer(members)
    return MoleculeScorer(members)


@contextmanager
def _stored(items: str | Path | None) -> Iterator[Path | None]:
    """Yield the path of a file; standard input is stored in a temporary one, since tables are read more than once."""
    if items is None or str(items) != STANDARD:
        yield None if items is None else Path(items)
        return
    from xgraph.data.tables.stream import keep_stream

    with tempfile.TemporaryDirectory() as folder:
        yield keep_stream(sys.stdin.buffer, Path(folder))


def _check_shard(shard: tuple[int, int], combine: str) -> None:
    number, parts = shard
    if not 1 <= number <= parts:
        raise OptionError(f"shard = {number}/{parts}: expected i/n with i from 1 to n, such as 1/8 to 8/8")
    if combine == "rank":
        raise OptionError(
            "combine = 'rank': ranks depend on all rows, so it cannot be used with shard; score each run alone, join "
            "the shards, and rank then"
        )
