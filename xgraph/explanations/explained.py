"""`xgraph.explain`: what a run's scores of molecules, bags or nodes come from."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xgraph.checks import integer
from xgraph.explanations.molecules import explain_molecules
from xgraph.explanations.names import METHODS, STEPS
from xgraph.explanations.results import Table, check_tasks
from xgraph.options import OptionError
from xgraph.training.prediction.members import Members
from xgraph.training.scoring.inference import choose_device

if TYPE_CHECKING:
    import pandas as pd


def explain(
    run: str | Path | Sequence[str | Path],
    items: Any,
    *,
    task: str | Sequence[str] | None = None,
    method: str | None = None,
    steps: int = STEPS,
    smiles_column: str | None = None,
    bag_column: str | None = None,
    separator: str | None = None,
    encoding: str | None = None,
    device: str = "auto",
    progress: bool = False,
) -> "pd.DataFrame":
    """Explain the scores of molecules, bags or nodes: which atoms, instances, neighbours or features they come from.

    Args:
        run: A run directory, or several that form an ensemble, whose attributions are averaged.
        items: What to explain, as for :func:`~xgraph.training.predict`: SMILES or a table of molecules; a table or
            folder of bags, or names of bags of the run's own data; names or numbers of nodes.
        task: Name of the task or class, or several; all by default.
        method: How to explain; the first that fits by default.

            - ``integrated-gradients``: for networks on graphs and for models on features that have gradients. The
              attributions add up to the difference of log-odds between the item and a baseline: atoms and bonds
              without features, the mean of additional features, nodes with features 0. By PyG's ``Explainer``; see
              :class:`~xgraph.explanations.IntegratedGradients`.
            - ``gradient-input``: the gradient times the distance from the same baseline, which is faster and rougher.
            - ``leave-one-out``: by how much the log-odds fall if an atom, a bond or an instance is removed; for models
              on fingerprints, if the counts in which an atom occurs are removed.
            - ``attention-value``: for bags, the weight of an instance times its own log-odds. Over a bag they add up to
              the log-odds of the bag.
            - ``shap``: for forests, SHAP values (Lundberg et al., Nature Machine Intelligence 2020), which add up to
              the difference between the score and the mean score of 100 training molecules. It needs
              ``pip install 'xgraph-pyg[explain]'``. Without the package, ``leave-one-out`` is usual.
            - ``permutation``: for models on features, by how much the average precision on the run's validation part
              falls if the values of a feature are shuffled. It explains the model rather than single molecules.
        steps: Number of points on the path of integrated gradients.
        smiles_column: Column of SMILES, as for `predict`.
        bag_column: Column that names the bag of each row, as for `predict`.
        separator: What separates the cells of a table.
        encoding: Encoding of a table.
        device: "auto", "cpu" or "cuda".
        progress: Show progress on stderr if it is a terminal.

    Returns:
        A table with one row per atom, bond, feature, instance or neighbour. ``frame.attrs`` has the ``method``, and the
        ``unit`` of the attributions: log-odds, score (for forests), or average precision. Where numbers are predicted,
        it is the unit of the target, and attributions add up to differences of predictions in place of log-odds; the
        importance by ``permutation`` is then the rise of the root mean squared error.

        - Molecules: ``item`` (row of the input), ``smiles``, ``task``, ``score``, ``part`` (atom, bond or feature),
          ``atom`` and ``other`` (positions of atoms in the SMILES as given, from 0), ``name`` (element, type of bond,
          or feature), ``attribution``, ``total`` (of an atom with half of each of its bonds), and ``error``. A molecule
          that cannot be read has one row with its error.
        - Bags: ``bag``, ``task``, ``score``, ``row`` (of the instance in its source; of a conformer, its number),
          ``weight``, ``instance_score``, ``attribution``, ``leave_one_out`` and ``error``.
        - Nodes: ``node``, ``task``, ``score``, ``part`` (feature or node), ``name``, ``hop`` and ``attribution``.

    Raises:
        OptionError: If a task or method does not exist, or the method does not fit the model. It is a ``ValueError``.
        FileNotFoundError: If there is no such run or file.
        ValueError: If the runs or items cannot be read.

    Example:
        >>> import tempfile, xgraph
        >>> short = dict(epochs=1, pretrain_epochs=0, hidden_channels=4, num_layers=1)
        >>> run = xgraph.train("nci-pains", out=tempfile.mkdtemp(), **short)
        >>> frame = explain(run.path, ["CCO", "C1CC"])
        >>> frame.attrs["method"], frame["part"].tolist()
        ('integrated-gradients', ['atom', 'atom', 'atom', 'bond', 'bond', ''])
    """
    if method is not None and method not in METHODS:
        raise OptionError(f"method = {method!r}: expected one of {', '.join(METHODS)}")
    integer("steps", steps)
    members = Members.read(run, choose_device(device), progress)
    tasks = check_tasks(members.tasks, task)
    form = {"separator": separator, "encoding": encoding}
    kind = members.header["kind"]
    if smiles_column is not None and kind == "node":
        raise OptionError(f"smiles_column = {smiles_column!r}: this option is for molecules, but the run is on nodes")
    if bag_column is not None and kind != "bag":
        raise OptionError(f"bag_column = {bag_column!r}: this option is for runs on bags")
    found: Table
    if kind == "graph":
        found = explain_molecules(members, texts_of(members, items, smiles_column, **form), tasks, method, steps)
    elif kind == "bag":
        from xgraph.explanations.bags import explain_bags

        found = explain_bags(members, items, tasks, method, bag_column, smiles_column, **form)
    else:
        from xgraph.explanations.nodes import explain_nodes

        found = explain_nodes(members, items, tasks, method, steps, **form)
    found.frame.attrs.update(method=found.method, unit=found.unit, note=found.note)
    return found.frame


def texts_of(members: Members, items: Any, smiles_column: str | None, **form: str | None) -> list[str]:
    """Return the SMILES of molecules that were given in any form."""
    from xgraph.training.prediction.objects import as_molecules
    from xgraph.training.prediction.smiles import read_items

    found = as_molecules(items)
    if found is not None and not isinstance(found, list):
        if not all(found.smiles):
            raise ValueError("items: the graphs have no smiles, by which atoms are named")
        return list(found.smiles)
    return list(read_items(members, items if found is None else found, smiles_column, **form).texts)
