"""`xgraph.predict`: score molecules, bags or nodes with one run, or with several as an ensemble."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from xgraph.options import OptionError
from xgraph.training.prediction.members import Members, run_kind
from xgraph.training.prediction.molecules import predict_molecules
from xgraph.training.prediction.output.kept import as_table, beside
from xgraph.training.prediction.output.writing import write_predictions
from xgraph.training.prediction.uncertainty import check_asked
from xgraph.training.scoring.ensemble import Ensemble
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
    keep_columns: bool = False,
    separator: str | None = None,
    encoding: str | None = None,
    nodes: Sequence[Any] | None = None,
    alpha: float | None = None,
    calibrate: str | None = None,
) -> "pd.DataFrame":
    """Score molecules, nodes or bags with a trained run, or with an ensemble of several.

    Args:
        run: A run directory, or several that form an ensemble. A run over folds is an ensemble of its folds.
        items: What to score, which depends on what the run was trained on.

            - Molecules: a list or pandas Series of SMILES (None or NaN counts as missing), a DataFrame with a SMILES
              column, or the path of a CSV file with one. The result keeps the index of a Series or DataFrame.
            - Nodes of a graph: their names or numbers, the path of a CSV file with a column ``node`` that holds these,
              or None for all nodes. Or another graph: the path of a folder with tables of nodes and edges, or of an
              npz, GraphML or .pt file. If its edges name nodes that only the run's graph has, the new nodes are joined
              to that.
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
        keep_columns: Return the columns of the file or DataFrame too, before those of the predictions, which are then
            called as in :func:`~xgraph.training.predict_file`: ``<task>_score`` in place of ``<task>``.
        separator: What separates the cells of a file: a character, or comma, tab, semicolon or space; recognised by
            default.
        encoding: Encoding of a file; by default UTF-8, or UTF-16 if it has a byte-order mark.
        nodes: Names of the nodes to score, if ``items`` is the path of a graph or None; by default all.
        alpha: Add conformal p-values of each class and the set of classes with a p-value above ``alpha``, calibrated on
            the validation part of the runs; an item's set then holds its true class with a probability of at least
            1 - ``alpha``, in each class. See the guide to uncertainty for what this needs.
        calibrate: Add probabilities that "temperature" scaling or "isotonic" regression makes of the scores by the
            validation part.

    Returns:
        A table with one row per input, in the same order. To score a file of any length in bounded memory, use
        :func:`~xgraph.training.predict_file`.

        - Molecules: ``smiles`` as given, ``predicted`` (for mutually exclusive classes), one score between 0 and 1 per
          task, and ``error``. The score is the sigmoid of
          the model's logit; after training with a ranking loss such as SOAP it ranks molecules but is not a
          probability. If a molecule cannot be read, ``error`` says why and the scores are missing.
        - Nodes: ``node``, ``predicted`` (for mutually exclusive classes), and one score per task or class. All are
          missing where a row of the file has no node number.
        - Bags, in order of first appearance: ``bag``, one score per task, and for new bags ``error``, which says why a
          bag cannot be scored.

        With several runs, or a run over folds or seeds, each score also has a column ``<task>_std``, the sample
        standard deviation over them. With ``calibrate``, each has ``<task>_prob``. With ``alpha``, each task has
        ``<task>_p0``, ``<task>_p1`` and ``<task>_set``, such as ``{1}`` or ``{0, 1}``, or ``{}`` if both p-values are
        too low; classes that exclude each other have ``<class>_p``, and one column ``set``.

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
    Ensemble(combine)  # fail before checkpoints are read
    check_asked(alpha, calibrate, combine)
    members = Members.read(run, device, progress).with_uncertainty(alpha, calibrate, combine)
    result = score_items(
        members,
        items,
        combine=combine,
        smiles_column=smiles_column,
        bag_column=bag_column,
        instances_out=instances_out,
        separator=separator,
        encoding=encoding,
        keep_columns=keep_columns,
        nodes=nodes,
    )
    return result.frame


class Result(NamedTuple):
    """Predictions in memory.

    Args:
        frame: The table that `predict` returns.
        errors: For each of its rows why it has no score; empty if it has.
    """

    frame: "pd.DataFrame"
    errors: list[str]


def score_items(
    members: Members,
    items: Any,
    *,
    combine: str = "mean",
    smiles_column: str | None = None,
    bag_column: str | None = None,
    instances_out: str | Path | None = None,
    separator: str | None = None,
    encoding: str | None = None,
    keep_columns: bool = False,
    nodes: Sequence[Any] | None = None,
) -> Result:
    """Score items with runs that have been read; for the arguments see `predict`."""
    kind = members.header["kind"]
    form = {"separator": separator, "encoding": encoding}
    if any(form.values()) and not isinstance(items, str | Path):
        raise OptionError("separator and encoding: these options are for tables in files")
    result = table = None
    if kind == "bag":
        from xgraph.training.prediction.bags import predict_bags

        frames = predict_bags(
            members,
            items,
            Ensemble(combine, **members.kinds),
            bag_column=bag_column,
            smiles_column=smiles_column,
            instances_out=instances_out,
            keep=keep_columns,
            separator=separator,
            encoding=encoding,
        )
        if instances_out is not None and frames.instances is not None:
            write_predictions(frames.instances, instances_out)
        result, table = frames.bags, frames.table
    for name, value in (("bag_column", bag_column), ("instances_out", instances_out)):
        if value is not None and kind != "bag":
            raise OptionError(f"{name} = {str(value)!r}: this option is for runs on bags")
    if nodes is not None and kind != "node":
        raise OptionError("nodes: this option is for runs on the nodes of a graph")
    graph = False
    if kind == "node":
        from xgraph.training.prediction.new_nodes import graph_form
        from xgraph.training.prediction.nodes import predict_nodes

        graph = graph_form(items) is not None

        if smiles_column is not None:
            raise OptionError(
                f"smiles_column = {smiles_column!r}: this option is for molecules, but the run is on nodes"
            )
        result = predict_nodes(members, items, combine, **form, chosen=nodes)
    elif result is None:
        result = predict_molecules(members, items, smiles_column, combine, **form)
    errors = _errors(result)
    if keep_columns:
        table = as_table(items, **form) if kind != "bag" and not graph else table
        kept = result.iloc[:, :1] if table is None else table
        result = beside(kept, result, members.tasks, members.uncertainty)
    return Result(result, errors)


def _errors(result: "pd.DataFrame") -> list[str]:
    unnamed = "no item is named in this row"
    if result.columns[-1] == "error":
        return [error if isinstance(error, str) else unnamed for error in result["error"]]
    return [unnamed if missing else "" for missing in result.iloc[:, 1].isna()]
