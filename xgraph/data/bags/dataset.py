"""A data set of bags of instances, with ragged batches of whole bags or of selected instances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Data

from xgraph.data.bags.checks import check_bags, not_finite
from xgraph.data.bags.instances import GraphStore, Instances, make_store, unusable_row
from xgraph.data.bags.layout import all_instances, batch_index, checked_choice, layout
from xgraph.data.bags.values import as_tensor, labels_of
from xgraph.data.labels.labels import usual_metric
from xgraph.data.storage.checks import checked_index
from xgraph.data.storage.labelled import LabelledItems
from xgraph.data.tables.joined import Files

if TYPE_CHECKING:
    import pandas as pd

    from xgraph.data.molecules.table import RowError
    from xgraph.data.published.bags import BagArrays


class BagDataset(LabelledItems):
    """Bags of instances, with one label per bag and task, and splits.

    Instances are numbered bag by bag: bag b has the instances ``bag_ptr[b]`` to ``bag_ptr[b + 1] - 1``. These are the
    numbers that :class:`xgraph.sampling.InstanceSampler` draws. The instances of a bag need not be adjacent in the
    source.

    Args:
        instances: The N instances: features ``[N, C]`` or images ``[N, channels, height, width]`` as a tensor, array,
            memory-mapped array or path of an npy file (of which only the rows of a batch are read), or graphs as a list
            of PyG `Data` or a `MoleculeDataset`.
        bag_ptr: Boundaries of the bags, if the instances of a bag are adjacent: bag b has the rows ``bag_ptr[b]`` to
            ``bag_ptr[b + 1] - 1``. Shape ``[n + 1]``. Pass either `bag_ptr` or `bag`.
        y: Labels 0 and 1, or with `task` regression numbers, with NaN for missing. Shape ``[n]`` or ``[n, T]``; None
            for no tasks.
        bag: Number of each instance's bag, in any order. Shape ``[N]``.
        name: Name of the data set.
        task_names: Names of the T tasks.
        metric: Metric for model selection: ap (default), prc_auc or roc_auc; for classes accuracy (default) too; for
            regression rmse (default), mae, r2 (default of several tasks), pearson or spearman.
        splits: Bags of each part, such as train, valid and test, as integers.
        instance_y: Labels of the instances, if known, in the order of `instances`. Shape ``[N]`` or ``[N, T]``.
        bag_names: Names of the bags; by default their numbers.
        row: Row of each bag in its source, int64 ``[n]``; by default its position.
        instance_row: Row of each instance in its source, int64 ``[N]``; by default its position in `instances`.
        errors: Rows of the source that could not be used.
        feature_names: Names of the features.
        featurizer: Version of computed features; empty if the features come with the data.
        notes: How the labels of a task were read, where this is not obvious.
        cases: Case of each bag, such as the patient of a slide, if bags of the same case belong together.
        task: With multiclass, the columns of `y` are classes that exclude each other: a single 1 in each row, or NaN.
            With regression, `y` holds finite numbers to predict.
        weight: Weights of the bags in the loss, 0 or more. Shape ``[n]``.
        left_out: Columns of the source that are neither labels nor features, and why.

    Raises:
        ValueError: If a bag has no instances, an instance has no bag, a feature is not finite, a label does not fit
            `task`, or lengths are inconsistent.
        TypeError: If the type of `instances` is not supported.

    Example:
        >>> data = BagDataset(torch.arange(8.0).reshape(4, 2), bag=[0, 1, 0, 1], y=[1, 0])
        >>> data
        BagDataset('bags', bags=2, instances=4, features=2, tasks=1)
        >>> batch = data.batch([1, 0])
        >>> batch.x[:, 0].tolist(), batch.batch.tolist(), batch.instance.tolist(), batch.y.tolist()
        ([2.0, 6.0, 0.0, 4.0], [0, 0, 1, 1], [1, 3, 0, 2], [[0.0], [1.0]])
    """

    kind: Literal["bag"] = "bag"
    reported: bool = False
    """Whether a warning has already told what `errors` lists."""

    def __init__(
        self,
        instances: Instances,
        bag_ptr: Tensor | NDArray[Any] | Sequence[int] | None = None,
        y: Tensor | NDArray[Any] | Sequence[Any] | None = None,
        *,
        bag: Tensor | NDArray[Any] | Sequence[int] | None = None,
        name: str = "bags",
        task_names: Sequence[str] | None = None,
        metric: str | None = None,
        splits: Mapping[str, Tensor | NDArray[np.integer] | Sequence[int]] | None = None,
        instance_y: Tensor | NDArray[Any] | None = None,
        bag_names: Sequence[str] | None = None,
        row: Tensor | None = None,
        instance_row: Tensor | None = None,
        errors: Sequence[RowError] = (),
        feature_names: Sequence[str] = (),
        featurizer: str = "",
        notes: Mapping[str, str] | None = None,
        cases: Sequence[str] | None = None,
        task: Literal["binary", "multiclass", "regression"] = "binary",
        weight: Tensor | None = None,
        left_out: Mapping[str, str] | None = None,
    ) -> None:
        self.name, self.errors, self.featurizer = name, list(errors), featurizer
        self.notes, self.left_out = dict(notes or {}), dict(left_out or {})
        self.files: Files | None = None  # of the source if there are several; rows count from the first to the last
        self.store = make_store(instances)
        self.cases = None if cases is None else list(cases)
        labels = None if y is None else labels_of(y, "y", numbers=task == "regression")
        names = None if bag_names is None else list(bag_names)
        counts = {len(part) for part in (labels, names, row, self.cases) if part is not None}
        if len(counts) > 1:
            raise ValueError(f"y, bag_names, row and cases must have the same length, got lengths {sorted(counts)}")
        self.bag_ptr, self._order = layout(bag_ptr, bag, len(self.store), counts.pop() if counts else None, names)
        n = len(self.bag_ptr) - 1
        y = torch.empty(n, 0) if labels is None else labels
        self._set_labels(y, weight, task, metric or usual_metric(task, y.size(1)))
        self.bag_names = [str(i) for i in range(n)] if names is None else names
        default = ["y"] if self.y.size(1) == 1 else [f"y{i}" for i in range(self.y.size(1))]
        self.task_names = default if task_names is None else list(task_names)
        self.row = torch.arange(n) if row is None else row
        self.splits = {part: as_tensor(b, f"split {part!r} must be bags") for part, b in (splits or {}).items()}
        self.instance_row, self.feature_names = instance_row, list(feature_names)
        self.instance_y = None
        if instance_y is not None:
            self.instance_y = labels_of(instance_y, "instance_y", n=len(self.store), numbers=task == "regression")
        check_bags(self, self._order)

    @classmethod
    def from_arrays(
        cls,
        arrays: BagArrays,
        *,
        name: str,
        metric: str | None = None,
        splits: Mapping[str, NDArray[np.int64]] | None = None,
        task: Literal["binary", "regression"] = "binary",
    ) -> BagDataset:
        """Create a data set from the arrays of published bags."""
        return cls(
            arrays.x,
            arrays.bag_ptr,
            arrays.y,
            name=name,
            task_names=arrays.task_names,
            metric=metric,
            splits={part: torch.from_numpy(bags) for part, bags in (splits or {}).items()},
            instance_y=arrays.instance_y,
            bag_names=arrays.bag_names,
            task=task,
        )

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        bag_column: str | None = None,
        target_columns: Sequence[str] | None = None,
        feature_columns: Sequence[str] | None = None,
        **options: Any,
    ) -> BagDataset:
        """Create a data set from a table with one row per instance, in any order.

        Args:
            frame: The table.
            bag_column: Column that identifies the bag of a row; by default ``bag`` or ``bag_id``.
            target_columns: Columns with labels, equal in all rows of a bag; by default ``label``, ``y`` or ``target``.
                Numbers other than 0 and 1 are predicted as such (regression).
            feature_columns: Columns with features; by default all other columns.
            **options: Arguments of the class: `name`, `metric`, `splits`.

        Raises:
            ValueError: If a column is missing or not numeric, a row has no bag, labels differ within a bag, or a
                feature is missing.
        """
        from xgraph.data.bags.frame import bags_of_frame

        columns = bags_of_frame(frame, bag_column, target_columns, feature_columns)
        return cls(**columns, **options)

    @property
    def num_instances(self) -> int:
        """Number of instances N."""
        return len(self.store)

    @property
    def num_features(self) -> int:
        """Number of features of an instance, of channels of an image, or of features of a graph's node."""
        return self.store.num_features

    @property
    def instance_shape(self) -> tuple[int, ...]:
        """Shape of one instance in `x`: (C,) for features, (channels, height, width) for images, empty for graphs."""
        return self.store.shape

    @property
    def sizes(self) -> Tensor:
        """Number of instances of each bag, int64 ``[n]``."""
        return self.bag_ptr.diff()

    def targets(self, positions: Tensor) -> Tensor:
        """Return labels in the format of the losses: float32 ``[m, T]``, with NaN for missing.

        Args:
            positions: Positions of bags, int64. Shape ``[m]``.

        Raises:
            ValueError: If `positions` does not hold integers.
            IndexError: If a position is out of range.
        """
        return self.y[checked_index(positions, len(self), "bag")]

    def __len__(self) -> int:
        return len(self.bag_ptr) - 1

    def __getitem__(self, i: int) -> Data:
        return self.batch([i])

    def batch(
        self, positions: Sequence[int] | Tensor | NDArray[np.integer], rows: tuple[Tensor, Tensor] | None = None
    ) -> Data:
        """Collate bags of any sizes, without padding.

        Args:
            positions: Positions of bags; repetitions are allowed. Shape ``[B]``.
            rows: Selected instances, and for each the position of its bag in `positions`, as drawn by
                :class:`xgraph.sampling.InstanceSampler`; by default all instances.

        Returns:
            A batch with `x`, float32 of the n instances; `batch` and `bag`, int64 ``[n]``, the ascending position of
            each instance's bag in the batch; `y` ``[B, T]``; `idx` ``[B]``, the positions of the bags in the data set;
            `num_bags`; and `instance` ``[n]``, the rows of the instances in the source. If instances are graphs, a PyG
            `Batch` whose `batch` assigns nodes to instances and whose `bag` assigns instances to bags.

        Raises:
            IndexError: If a position is out of range.
            ValueError: If `rows` has no instance of a bag or an instance of another bag, or a feature from a
                memory-mapped file is not finite.
        """
        index = batch_index(positions, len(self))
        if rows is None:
            number, bag = all_instances(self.bag_ptr, index)
        else:
            number, bag = checked_choice(self.bag_ptr, index, rows, self.bag_names)
        instance = number if self._order is None else self._order[number]
        batch = self.store.take(instance)
        if not self.store.checked and (wrong := unusable_row(batch.x)) is not None:
            raise not_finite(self.bag_names[index[bag[wrong]]], int(instance[wrong]))
        if not isinstance(self.store, GraphStore):
            batch.batch = bag
        batch.bag, batch.y, batch.idx, batch.num_bags, batch.instance = bag, self.y[index], index, len(index), instance
        return batch

    def _repr_html_(self) -> str:
        """Return the data set as a notebook shows it."""
        from xgraph.data.molecules.notebook import dataset_html

        return dataset_html(self)

    def __repr__(self) -> str:
        return (
            f"BagDataset({self.name!r}, bags={len(self)}, instances={self.num_instances}, "
            f"features={self.num_features}, {self._outputs}={self.num_tasks})"
        )
