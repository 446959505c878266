"""The molecules of a data set: additional features, single items, batches of graphs or of features."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Batch, Data

from xgraph.data.molecules.features.describe import (
    Describing,
    arrange,
    check_kinds,
    described,
    descriptor_names,
    warn_of_refused,
)
from xgraph.data.molecules.features.kinds import KINDS
from xgraph.data.molecules.packed import PackedGraphs
from xgraph.data.storage.checks import positions_of
from xgraph.data.storage.labelled import LabelledItems
from xgraph.data.storage.root import Progress


class MoleculeItems(LabelledItems):
    """Molecules as packed graphs, with labels and perhaps additional features."""

    graphs: PackedGraphs
    graph_smiles: Sequence[str]
    features: Tensor | None
    feature_kinds: list[str]
    refused: dict[str, list[int]]
    _featurizer: str

    @property
    def featurizer(self) -> str:
        """Version of all features, including the additional ones."""
        return "+".join([self._featurizer, *(KINDS[kind].version() for kind in self.feature_kinds)])

    @property
    def feature_names(self) -> list[str]:
        """Names of the F additional features."""
        return descriptor_names(self.feature_kinds)

    def with_features(
        self,
        kinds: Sequence[str],
        *,
        root: str | Path | None = None,
        keep: bool = True,
        progress: Progress | None = None,
    ) -> Self:
        """Return a copy of the data set with exactly these additional features; everything else is shared.

        Features that are already present are not computed again.

        Args:
            kinds: Kinds of features, as for `describe`; an empty list removes the features.
            root: Data root for the cache; by default ``XGRAPH_ROOT`` or ``~/.cache/xgraph``.
            keep: Whether to cache the features.
            progress: Called with ``(done, total, description)``.

        Raises:
            TypeError: If `kinds` is a single string.
            ValueError: If a kind is unknown or given twice, or its package is not installed.

        Warns:
            RefusedWarning: If an encoder refuses molecules.

        Example:
            >>> from xgraph.data import MoleculeDataset
            >>> data = MoleculeDataset.from_smiles(["CCO", "C", "CC"]).with_features(["maccs", "morgan"])
            >>> data.features.shape, data[0].features.shape, data.batch([0, 2]).features.shape
            (torch.Size([3, 2215]), torch.Size([1, 2215]), torch.Size([2, 2215]))
        """
        requested = check_kinds(kinds)
        new = [kind for kind in requested if kind not in self.feature_kinds]
        other = copy.copy(self)
        other.feature_kinds, other.features = requested, None
        other.refused = {kind: positions for kind, positions in self.refused.items() if kind in requested}
        if requested:
            computed, refused = described(self.graph_smiles, new, Describing(root=root, keep=keep, progress=progress))
            warn_of_refused(self.graph_smiles, refused, stacklevel=3)
            other.refused |= refused
            known = [] if self.features is None else [(self.feature_kinds, self.features)]
            other.features = arrange(requested, [(new, computed), *known])
        return other

    def _repr_html_(self) -> str:
        """Return the data set as a notebook shows it."""
        from xgraph.data.molecules.notebook import dataset_html

        return dataset_html(self)

    def __len__(self) -> int:
        return len(self.graphs)

    def __getitem__(self, i: int) -> Data:
        position = int(positions_of([i], len(self), self.name, "molecule")[0])
        data = self.graphs.graph(position)
        data.y = self.y[position : position + 1]
        data.idx = torch.tensor([position])
        if self.features is not None:
            data.features = self.features[position : position + 1]
        return data

    def batch(self, positions: Sequence[int] | Tensor | NDArray[np.integer]) -> Batch:
        """Collate molecules, many times faster than ``Batch.from_data_list([data[i] for i in positions])``.

        The content is the same. Use it as the ``collate_fn`` of a loader over positions.

        Args:
            positions: Positions in this data set; repetitions are allowed.

        Raises:
            IndexError: If a position is out of range.
        """
        idx = positions_of(positions, len(self), self.name, "molecule")
        beside = {} if self.features is None else {"features": self.features[idx]}
        return self.graphs.batch(idx.numpy(), y=self.y[idx], idx=idx, **beside)

    def feature_batch(self, positions: Sequence[int] | Tensor | NDArray[np.integer]) -> Data:
        """Return features, labels and positions of molecules, as in `batch` but without their graphs.

        Args:
            positions: Positions in this data set; repetitions are allowed.

        Raises:
            IndexError: If a position is out of range.
            ValueError: If the molecules have no additional features.
        """
        if self.features is None:
            raise ValueError("the molecules have no features; call with_features first")
        idx = positions_of(positions, len(self), self.name, "molecule")
        return Data(features=self.features[idx], y=self.y[idx], idx=idx)
