"""Bags of instances as a data set: ragged batches, of whole bags or of chosen instances."""

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
from xgraph.data.bags.layout import all_instances, checked_choice, layout
from xgraph.data.bags.values import as_tensor, labels_of
from xgraph.data.storage.checks import check_metric, checked_index

if TYPE_CHECKING:
    import pandas as pd

    from xgraph.data.molecules.table import RowError
    from xgraph.data.published.bags import BagArrays


class BagDataset(torch.utils.data.Dataset[Data]):
    """Bags of instances with one label per bag and task, and their splits.

    Instances are numbered bag after bag: those of bag b are ``bag_ptr[b]`` to ``bag_ptr[b + 1] - 1``, which is what
    `xgraph.sampling.InstanceSampler` draws from. Where the instances of a bag are not adjacent in the store, `batch`
    finds them there.

    Args:
        instances: Of N instances, features ``[N, C]`` or images ``[N, channels, height, width]`` (a tensor or array;
            of a mapped array, or the path of an npy file, only the rows of a batch are read), or graphs (a list of PyG
            `Data`, or a `MoleculeDataset`).
        bag_ptr: Bag b is rows ``bag_ptr[b]`` to ``bag_ptr[b + 1] - 1``. Shape ``[n + 1]``. Or `bag` is given.
        y: Labels 0 and 1, NaN is a missing one. Shape ``[n]`` or ``[n, T]``. None: there are no tasks.
        bag: Number of each instance's bag, in any order. Shape ``[N]``.
        name: What to call the data set.
        task_names: The T tasks.
        metric: Metric by which models are chosen: ap, prc_auc or roc_auc.
        splits: Bags of the parts, such as train, valid and test: integers.
        instance_y: Labels of instances, if they are known, as they stand in the store. Shape ``[N]`` or ``[N, T]``.
        bag_names: What the bags are called; by default their numbers.
        row: Number of each bag in its source, int64 ``[n]``; by default its position.
        instance_row: Number of each instance in its source, int64 ``[N]``, as they stand in the store; None: it is
            the row of the store.
        errors: Rows of the source that are not here.
        feature_names: What the features are called, if they have names.
        featurizer: Version of features that are made here; empty if they come with the data.

    Raises:
        ValueError: If a bag has no instances, an instance has no bag, a feature is not finite, a label is not 0, 1 or
            NaN, or lengths do not agree.
        TypeError: If the instances are of no known kind.

    Example:
        >>> data = BagDataset(torch.arange(8.0).reshape(4, 2), bag=[0, 1, 0, 1], y=[1, 0])
        >>> data
        BagDataset('bags', bags=2, instances=4, features=2, tasks=1)
        >>> batch = data.batch([1, 0])
        >>> batch.x[:, 0].tolist(), batch.batch.tolist(), batch.instance.tolist(), batch.y.tolist()
        ([2.0, 6.0, 0.0, 4.0], [0, 0, 1, 1], [1, 3, 0, 2], [[0.0], [1.0]])
    """

    kind: Literal["bag"] = "bag"

    def __init__(
        self,
        instances: Instances,
        bag_ptr: Tensor | NDArray[Any] | Sequence[int] | None = None,
        y: Tensor | NDArray[Any] | Sequence[Any] | None = None,
        *,
        bag: Tensor | NDArray[Any] | Sequence[int] | None = None,
        name: str = "bags",
        task_names: Sequence[str] | None = None,
        metric: str = "ap",
        splits: Mapping[str, Tensor | NDArray[np.integer] | Sequence[int]] | None = None,
        instance_y: Tensor | NDArray[Any] | None = None,
        bag_names: Sequence[str] | None = None,
        row: Tensor | None = None,
        instance_row: Tensor | None = None,
        errors: Sequence[RowError] = (),
        feature_names: Sequence[str] = (),
        featurizer: str = "",
    ) -> None:
        check_metric(metric)
        self.name, self.metric, self.errors, self.featurizer = name, metric, list(errors), featurizer
        self.store = make_store(instances)
        labels = None if y is None else labels_of(y, "y")
        names = None if bag_names is None else list(bag_names)
        counts = {len(part) for part in (labels, names, row) if part is not None}
        if len(counts) > 1:
            raise ValueError(f"y, bag_names and row must be equally long, got lengths {sorted(counts)}")
        self.bag_ptr, self._order = layout(bag_ptr, bag, len(self.store), counts.pop() if counts else None, names)
        n = len(self.bag_ptr) - 1
        self.y = torch.empty(n, 0) if labels is None else labels
        self.bag_names = [str(i) for i in range(n)] if names is None else names
        default = ["y"] if self.y.size(1) == 1 else [f"y{i}" for i in range(self.y.size(1))]
        self.task_names = default if task_names is None else list(task_names)
        self.row = torch.arange(n) if row is None else row
        self.splits = {part: as_tensor(b, f"split {part!r} must be bags") for part, b in (splits or {}).items()}
        self.instance_row, self.feature_names = instance_row, list(feature_names)
        self.instance_y = None if instance_y is None else labels_of(instance_y, "instance_y", n=len(self.store))
        check_bags(self, self._order)

    @classmethod
    def from_arrays(
        cls, arrays: BagArrays, *, name: str, metric: str = "ap", splits: Mapping[str, NDArray[np.int64]] | None = None
    ) -> BagDataset:
        """A data set of the arrays that `xgraph.data.published.bags` read."""
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
        """A data set of a table with one row per instance, those of a bag in any places.

        Args:
            frame: The table.
            bag_column: Column that names the bag of a row; by default one called bag or bag_id.
            target_columns: Columns of labels, the same in all rows of a bag; by default one called label, y or target.
            feature_columns: Columns of features; by default all others.
            **options: As for the class: name, metric, splits.

        Raises:
            ValueError: If a column is missing or no number, a row has no bag, labels differ within a bag, or a feature
                is missing.
        """
        from xgraph.data.bags.frame import bags_of_frame

        columns = bags_of_frame(frame, bag_column, target_columns, feature_columns)
        return cls(**columns, **options)

    @property
    def num_tasks(self) -> int:
        """Number of label columns."""
        return len(self.task_names)

    @property
    def task(self) -> Literal["binary", "multilabel"]:
        """Whether there is one task or there are several."""
        return "binary" if self.num_tasks == 1 else "multilabel"

    @property
    def num_instances(self) -> int:
        """N."""
        return len(self.store)

    @property
    def num_features(self) -> int:
        """Numbers an instance has; of images their channels, of graphs the numbers a node has."""
        return self.store.num_features

    @property
    def instance_shape(self) -> tuple[int, ...]:
        """Shape of one instance in `x`: (C,), or (channels, height, width); empty for graphs."""
        return self.store.shape

    @property
    def sizes(self) -> Tensor:
        """Number of instances of each bag, int64 ``[n]``."""
        return self.bag_ptr.diff()

    def targets(self, positions: Tensor) -> Tensor:
        """Labels as a loss takes them: float32 ``[m, T]``, NaN where one is missing.

        Args:
            positions: Bags, int64 ``[m]``.

        Raises:
            ValueError: If the positions are not integers.
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
            positions: Bags, at least one; they may repeat. Shape ``[B]``.
            rows: Instances to take, and for each the position of its bag in `positions`, as
                `xgraph.sampling.InstanceSampler` draws them; by default every instance.

        Returns:
            `x` float32 of the n instances; `batch` = `bag` int64 ``[n]``, the position of each instance's bag in the
            batch, ascending; `y` ``[B, T]``; `idx` ``[B]``, the bags' positions here; `num_bags`; `instance` ``[n]``,
            the instances' rows in the store. Of graphs, a PyG `Batch` whose `batch` says which instance a node is of,
            and `bag` which bag an instance is of.

        Raises:
            IndexError: If a position is out of range.
            ValueError: If there are no positions, `rows` holds no instance of a bag or one of another, or a feature
                that is read from a mapped file is not finite.
        """
        index = self._index(positions)
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

    def __repr__(self) -> str:
        return (
            f"BagDataset({self.name!r}, bags={len(self)}, instances={self.num_instances}, "
            f"features={self.num_features}, tasks={self.num_tasks})"
        )

    def _index(self, positions: Sequence[int] | Tensor | NDArray[np.integer]) -> Tensor:
        index = as_tensor(positions, "positions must be integers").reshape(-1)
        if not len(index):
            raise ValueError("positions is empty: a batch needs at least one bag")
        if not index.is_floating_point() and index.dtype != torch.bool:
            index = torch.where(index < 0, index + len(self), index)
        return checked_index(index, len(self), "bag")
