"""Pairs of views of molecules, for a contrastive loss."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from xgraph.training.pretraining.settings import PretrainConfig
from xgraph.training.sources.batches import make_loader
from xgraph.training.sources.molecules import MoleculeSource

if TYPE_CHECKING:
    from xgraph.data import JoinedDataset, MoleculeDataset
    from xgraph.sampling.items.epochs import EpochSampler


class PairedDataset:
    """A data set whose batches hold each molecule twice: all molecules of the batch, then all of them again."""

    def __init__(self, data: MoleculeDataset) -> None:
        self.data = data

    def batch(self, positions: Sequence[int]) -> Any:
        """Collate a batch."""
        return self.data.batch([*positions, *positions])


class ViewSource(MoleculeSource):
    """Unlabelled molecules for contrastive learning: batches hold each one twice, and the outputs are projections."""

    def __init__(self, data: JoinedDataset, settings: PretrainConfig) -> None:
        from xgraph.data import Augmentation

        super().__init__(data, settings.training(data.name))
        self.pairs: Any = PairedDataset(data)
        self.augment = Augmentation(**settings.views)
        self._columns = [f"projection {i}" for i in range(settings.projection_channels)]

    @property
    def task_names(self) -> list[str]:
        """Names of the projection's columns."""
        return list(self._columns)

    @property
    def num_tasks(self) -> int:
        """Number of the projection's columns."""
        return len(self._columns)

    def loader(self, positions: Tensor, batches: EpochSampler, epoch: int, device: torch.device) -> Iterable[Any]:
        """Return PyG batches on the CPU that hold each molecule twice."""
        return make_loader(self.pairs.batch, positions, batches)
