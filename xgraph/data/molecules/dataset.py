"""A torch data set of labelled molecules, stored in packed arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from xgraph.data.labels.groups import Groups, check_groups
from xgraph.data.labels.labels import usual_metric
from xgraph.data.molecules.items import MoleculeItems
from xgraph.data.molecules.molecule import FEATURIZER
from xgraph.data.molecules.packed import PackedGraphs
from xgraph.data.molecules.parsed import features_version, parse_smiles, parse_table
from xgraph.data.molecules.splits import check_overlap, split_positions
from xgraph.data.molecules.standardize import AtomOrder
from xgraph.data.molecules.table import RowError, Table
from xgraph.data.storage.root import Progress
from xgraph.data.tables.joined import Files


class MoleculeDataset(MoleculeItems):
    """Molecules as graphs with the Open Graph Benchmark's features, with labels and splits.

    Item i is a PyG `Data` with `x` ``[atoms, 9]``, `edge_index` ``[2, edges]``, `edge_attr` ``[edges, 3]``, `y`
    ``[1, T]`` and `idx` ``[1]``, the position i. The data set works with torch's and PyG's loaders; `batch` collates
    many items faster. Create one with `from_table` or `from_smiles`. After `with_features`, items also have additional
    features of the molecule, `features` ``[1, F]``.

    Attributes:
        features: Additional features of all molecules, float32 ``[n, F]``, or None.
        feature_kinds: Kinds of the additional features, as for `describe`.
        refused: Positions of the molecules whose features of a kind are 0 because an encoder refuses them.
        smiles_column: Column of a user's table from which the molecules were read, or None.
        files: The files of the source if there are several; `row` counts from the first to the last.

    Args:
        graphs: The n molecules as packed graphs.
        smiles: SMILES of each molecule, as given.
        y: Labels, with NaN for missing, float32. Shape ``[n, T]``.
        row: Row of each molecule in its source, int64. Shape ``[n]``.
        name: Name of the data set.
        task_names: Names of the T tasks.
        metric: Metric for model selection: ap (default), prc_auc or roc_auc; for classes accuracy (default) too; for
            regression rmse (default), mae, r2 (default of several tasks), pearson or spearman.
        splits: Positions of each part, such as train, valid and test.
        errors: Rows of the source that could not be used, in order.
        featurizer: Version of the features.
        left_out: Columns of the source that look like labels but are no tasks, and why.
        notes: How the labels of a task were read, where this is not obvious.
        task: With multiclass, the columns of `y` are classes that exclude each other: a single 1 in each row, or NaN.
            With regression, `y` holds finite numbers to predict, NaN for missing.
        graph_smiles: SMILES that the graphs were made from; by default `smiles`.
        weight: Weights of the molecules in the loss, 0 or more. Shape ``[n]``.
        groups: Groups of the molecules for which error rates are compared.

    Raises:
        ValueError: If lengths are inconsistent, or the metric is unknown.

    Example:
        >>> data = MoleculeDataset.from_smiles(["CCO", "C1CC", "c1ccccc1"])
        >>> data
        MoleculeDataset('smiles', molecules=2, tasks=0, errors=1)
        >>> data[1], data.batch([0, 1]).num_graphs, data.errors[0].row
        (Data(x=[6, 9], edge_index=[2, 12], edge_attr=[12, 3], y=[1, 0], idx=[1]), 2, 1)
    """

    kind: Literal["graph"] = "graph"

    def __init__(
        self,
        graphs: PackedGraphs,
        smiles: Sequence[str],
        y: Tensor,
        row: Tensor,
        *,
        name: str,
        task_names: Sequence[str],
        metric: str | None = None,
        splits: Mapping[str, Tensor] | None = None,
        errors: Sequence[RowError] = (),
        featurizer: str = FEATURIZER,
        left_out: Mapping[str, str] | None = None,
        notes: Mapping[str, str] | None = None,
        task: Literal["binary", "multiclass", "regression"] = "binary",
        graph_smiles: Sequence[str] | None = None,
        weight: Tensor | None = None,
        groups: Groups | None = None,
    ) -> None:
        n = len(graphs)
        if not len(smiles) == len(y) == len(row) == n:
            lengths = f"{n}, {len(smiles)}, {len(y)}, {len(row)}"
            raise ValueError(f"graphs, smiles, y and row must have the same length, got {lengths}")
        if y.shape != (n, len(task_names)):
            raise ValueError(f"y must have shape [{n}, {len(task_names)}], one column per task, got {list(y.shape)}")
        self._set_labels(y, weight, task, metric or usual_metric(task, y.size(1)))
        self.groups = check_groups(groups, n)
        self.graphs, self.smiles, self.row = graphs, smiles, row
        self.name, self.task_names = name, list(task_names)
        self.splits, self.errors = dict(splits or {}), list(errors)
        self.left_out, self.notes = dict(left_out or {}), dict(notes or {})
        self._featurizer = featurizer
        self.graph_smiles = smiles if graph_smiles is None else graph_smiles
        self.features: Tensor | None = None
        self.feature_kinds: list[str] = []
        self.refused: dict[str, list[int]] = {}
        self.smiles_column: str | None = None
        self.files: Files | None = None

    @classmethod
    def from_table(
        cls,
        table: Table,
        *,
        name: str,
        metric: str | None = None,
        root: str | Path | None = None,
        splits: Mapping[str, ArrayLike] | None = None,
        standardize: bool = False,
        progress: Progress | None = None,
        atom_order: AtomOrder = "canonical",
    ) -> MoleculeDataset:
        """Parse the molecules of a table, or load them from the cache in the data root.

        Args:
            table: SMILES and labels.
            name: Name of the data set.
            metric: Metric for model selection; by default ap, accuracy for classes, rmse for numbers, r2 for several.
            root: Data root for the cache; by default ``XGRAPH_ROOT`` or ``~/.cache/xgraph``.
            splits: Source rows of each part; rows that cannot be parsed are dropped.
            standardize: Whether to reduce each molecule to its largest fragment, neutralised.
            progress: Called with ``(done, total, description)``.
            atom_order: Order in which atoms are read. In the order ``"canonical"`` (see `identities`), the graph of a
                molecule does not depend on how its SMILES is written; as ``"drawn"``, the chirality tags of OGB's
                features do, as in OGB's own data sets.

        Raises:
            ValueError: If no molecule can be parsed, or the splits refer to unknown rows or overlap.

        Warns:
            SplitOverlapWarning: If the same molecule is in two parts.
            CacheWarning: If the cache cannot be written or is damaged.
        """
        graphs, kept, errors, keys, texts = parse_table(table, name, root, standardize, atom_order, progress)
        row = table.rows[kept]
        positions = split_positions(splits or {}, row, [error.row for error in errors], name)
        smiles = [table.smiles[i] for i in kept.tolist()] if len(kept) < len(table.smiles) else table.smiles
        if positions:
            check_overlap(texts, positions, keys, stacklevel=3)
        return cls(
            graphs,
            smiles,
            torch.from_numpy(table.y[kept]),
            torch.from_numpy(row),
            name=name,
            task_names=table.task_names,
            metric=metric,
            splits={part: torch.from_numpy(rows) for part, rows in positions.items()},
            errors=errors,
            featurizer=features_version(standardize, atom_order),
            left_out=table.left_out,
            notes=table.notes,
            task=table.task,
            graph_smiles=texts,
            weight=None if table.weight is None else torch.from_numpy(table.weight[kept]),
            groups=None if table.groups is None else table.groups.take(kept),
        )

    @classmethod
    def from_smiles(
        cls,
        smiles: Sequence[Any],
        *,
        name: str = "smiles",
        standardize: bool = False,
        progress: Progress | None = None,
        atom_order: AtomOrder = "canonical",
    ) -> MoleculeDataset:
        """Create a data set of molecules without labels, for prediction.

        Args:
            smiles: SMILES strings. Values that are blank or not strings are reported in `errors`; `row` maps the
                remaining molecules to their positions here.
            name: Name of the data set.
            standardize: Whether to reduce each molecule to its largest fragment, neutralised.
            progress: Called with ``(done, total, description)``.
            atom_order: Order in which atoms are read, as for `from_table`. Give ``"drawn"`` for a model that was
                trained on molecules as drawn, such as those of OGB.
        """
        done, texts, errors = parse_smiles(smiles, standardize, atom_order, progress)
        return cls(
            done.graphs,
            texts,
            torch.empty(len(done.graphs), 0),
            torch.from_numpy(done.kept),
            name=name,
            task_names=[],
            errors=errors,
            featurizer=features_version(standardize, atom_order),
            graph_smiles=done.texts,
        )

    def __repr__(self) -> str:
        counts = f"molecules={len(self)}, {self._outputs}={self.num_tasks}, errors={len(self.errors)}"
        return f"MoleculeDataset({self.name!r}, {counts})"
