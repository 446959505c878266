"""`xgraph.predict`: score molecules, bags or nodes with one run, or with several as an ensemble."""

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
    items: "Sequence[Any] | pd.DataFrame | str | Path | None" = None,
    *,
    combine: str = "mean",
    smiles_column: str | None = None,
    bag_column: str | None = None,
    instances_out: str | Path | None = None,
    device: str = "auto",
    progress: bool = False,
) -> "pd.DataFrame":
    """Score molecules, nodes or bags with a trained run, or with an ensemble of several.

    Args:
        run: A run directory, or several that form an ensemble. A run over folds is an ensemble of its folds.
        items: What to score, which depends on what the run was trained on.

            - Molecules: a list or pandas Series of SMILES (None or NaN counts as missing), a DataFrame with a SMILES
              column, or the path of a CSV file with one. The result keeps the index of a Series or DataFrame.
            - Nodes of a graph: node numbers, the path of a CSV file with a column ``node``, or None for all nodes.
            - Bags: the path of a CSV file with one row per instance and the columns that the run was trained on, the
              path of a folder with one file per bag (see `read_bag_folder`), names of bags of the run's own data, or
              None for all of these.
            - Conformers of molecules: SMILES, as for molecules.
            - In memory: a MoleculeDataset or a list of PyG graphs of molecules; a NodeDataset or a graph of PyG with
              the features of the run, all of whose nodes are scored; a BagDataset, or a DataFrame with one row per
              instance.
        combine: How to combine the scores of an ensemble: "mean" averages the scores; "rank" averages the rank of a
            row among all scored rows, from 0 (lowest) to 1 (highest), so it depends on which rows are scored together.
            "rank" is not available for mutually exclusive classes.
        smiles_column: Column of SMILES; by default the one that the run was trained on (`smiles_column` of `train`),
            else recognised by its name and content.
        bag_column: Column that names the bag of each row; by default recognised by its name.
        instances_out: For runs on bags, a CSV file to write with one row per instance: its ``bag``, its ``row`` in the
            file or source, its ``weight`` in the bag (the weights of a bag sum to one), and its own ``score``, as if it
            were the only instance of a bag. With several tasks, the task's name is a prefix of the last two columns.
            For a folder, ``row`` counts within the file of the bag, and there are columns ``x`` and ``y`` if the files
            have coordinates.
        device: "auto", "cpu" or "cuda".
        progress: Show progress on stderr if it is a terminal.

    Returns:
        A table with one row per input, in the same order.

        - Molecules: ``smiles`` as given, one score between 0 and 1 per task, and ``error``. The score is the sigmoid of
          the model's logit; after training with a ranking loss such as SOAP it ranks molecules but is not a
          probability. If a molecule cannot be read, ``error`` says why and the scores are missing.
        - Nodes: ``node``, ``predicted`` (for mutually exclusive classes), and one score per task or class. All are
          missing where a row of the file has no node number.
        - Bags, in order of first appearance: ``bag``, one score per task, and for new bags ``error``, which says why a
          bag cannot be scored.

        With several runs, each score also has a column ``<task>_std``, the sample standard deviation over the runs.

    Raises:
        FileNotFoundError: If there is no such run or file, or a run of an ensemble has not finished.
        TypeError: If ``items`` is a dictionary or a set, or holds something other than strings, missing values or
            node numbers.
        ValueError: If the runs differ in tasks or data, a checkpoint or file cannot be read or lacks a column, or a
            node or bag is not in the data.

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

        frames = predict_bags(
            members,
            items,
            ensemble,
            bag_column=bag_column,
            smiles_column=smiles_column,
            instances_out=instances_out,
        )
        if instances_out is not None and frames.instances is not None:
            write_predictions(frames.instances, instances_out)
        return frames.bags
    for name, value in (("bag_column", bag_column), ("instances_out", instances_out)):
        if value is not None:
            raise OptionError(f"{name} = {str(value)!r}: this option is for runs on bags")
    if kind == "node":
        from xgraph.training.prediction.nodes import predict_nodes

        if smiles_column is not None:
            raise OptionError(
                f"smiles_column = {smiles_column!r}: this option is for molecules, but the run is on nodes"
            )
        return predict_nodes(members, items, combine)
    return predict_molecules(members, items, smiles_column, combine)


def write_predictions(frame: "pd.DataFrame", path: str | Path) -> None:
    """Write the result of `predict` as CSV atomically; gzipped if the name ends in `.gz`."""
    content = frame.to_csv(index=False, lineterminator="\n").encode()
    if Path(path).suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    write_atomically(Path(path), lambda file: file.write(content))
