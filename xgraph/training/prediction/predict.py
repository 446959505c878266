"""`xgraph.predict`: scores of one run, or of several as an ensemble, for new molecules or bags, or a graph's nodes."""

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xgraph.options import OptionError
from xgraph.training.files.writing import write_atomically
from xgraph.training.prediction.ensemble import Ensemble
from xgraph.training.prediction.members import Members, run_kind
from xgraph.training.prediction.molecules import predict_molecules
from xgraph.training.scoring.inference import choose_device

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["predict", "run_kind", "write_predictions"]


def predict(
    run: str | Path | Sequence[str | Path],
    items: Sequence[Any] | str | Path | None = None,
    *,
    combine: str = "mean",
    smiles_column: str | None = None,
    bag_column: str | None = None,
    instances_out: str | Path | None = None,
    device: str = "auto",
    progress: bool = False,
) -> "pd.DataFrame":
    """Score molecules, nodes or bags with a trained run, or with several as an ensemble.

    Args:
        run: A run directory, or several of them, an ensemble. A run over all folds is the ensemble of its folds.
        items: Of a run on molecules, SMILES strings (None or NaN is a missing one); of a run on the nodes of a graph,
            node numbers, or None for all nodes; or the path of a CSV file with a column of them (of nodes: `node`). Of
            a run on bags, the path of a CSV file of bags, one row per instance, with the columns that the run was
            trained on; names of bags of the run's own data, or None for all. Of a run on conformers, SMILES again.
        combine: How the members of an ensemble become one score: the "mean" of their scores, or of the "rank" that
            each gives a row among those that are scored, from 0 for the lowest to 1 for the highest; it depends on
            which rows these are. Not for classes that exclude each other.
        smiles_column: Column of SMILES; by default recognised by its name and content.
        bag_column: Column that names the bag of each row; by default recognised by its name.
        instances_out: CSV file to write, of a run on bags: one row per instance, with its `bag`, its `row` in the file
            or source, its `weight` in the bag (they sum to one) and its own `score`, as if it were alone in a bag; of
            several tasks these have the task's name in front.
        device: "auto", "cpu" or "cuda".
        progress: Show progress on stderr, if that is a terminal.

    Returns:
        One row per input in its order. Of molecules: `smiles` as given, for each task a score between 0 and 1 (the
        sigmoid of the model's logit; for ranking losses such as SOAP it orders molecules and is no probability),
        and `error`, empty unless the row could not be read; its scores are missing then. Of nodes: `node`, for
        classes that exclude each other the `predicted` one, and a score for each task or class (after `ce` the
        softmax); all of them missing where a row of the file holds no node number. Of bags, in the order in which they
        first appear: `bag`, a score for each task, and of new bags `error`, empty unless a feature of the bag is no
        finite number, or none of its molecules can be read. Of several members, the scores are followed by a column
        `<task>_std` each, the sample standard deviation over the members.

    Raises:
        FileNotFoundError: If there is no such run or file, or a member of an ensemble has not finished.
        TypeError: If something in `items` is neither a string nor missing, or is no node number.
        ValueError: If runs do not have the same tasks or are on the nodes of several graphs, a checkpoint or the file
            is not readable or lacks a column, or a node or bag is not in the data.

    Example:
        >>> import tempfile, xgraph
        >>> short = dict(epochs=1, pretrain_epochs=0, hidden_channels=4, num_layers=1)
        >>> run = xgraph.train("nci-pains", out=tempfile.mkdtemp(), **short)
        >>> frame = predict(run.path, ["CCO", "c1ccccc1O", "C1CC"])
        >>> list(frame.columns), frame["pains"].notna().tolist()
        (['smiles', 'pains', 'error'], [True, True, False])
    """
    device = choose_device(device)
    ensemble = Ensemble(combine)
    members = Members.read(run, device, progress)
    kind = members.header["kind"]
    if kind == "bag":
        from xgraph.training.prediction.bags import predict_bags

        frames = predict_bags(members, items, ensemble, bag_column=bag_column, smiles_column=smiles_column)
        if instances_out is not None:
            write_predictions(frames.instances, instances_out)
        return frames.bags
    for name, value in (("bag_column", bag_column), ("instances_out", instances_out)):
        if value is not None:
            raise OptionError(f"{name} = {str(value)!r}: it is for runs on bags")
    if kind == "node":
        from xgraph.training.prediction.nodes import predict_nodes

        if smiles_column is not None:
            raise OptionError(f"smiles_column = {smiles_column!r}: it is for molecules, and the run is on nodes")
        return predict_nodes(members, items, combine)
    return predict_molecules(members, items, smiles_column, ensemble)


def write_predictions(frame: "pd.DataFrame", path: str | Path) -> None:
    """Write what `predict` returned as CSV; the file is there completely or not at all."""
    content = frame.to_csv(index=False, lineterminator="\n").encode()
    if Path(path).suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    write_atomically(Path(path), lambda file: file.write(content))
