"""Pretraining on pairs of molecules and texts: two towers that are matched."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from xgraph.distributed import gathered
from xgraph.losses import TwoTowerLoss
from xgraph.nn import TextTower
from xgraph.training.fit.task import Task
from xgraph.training.pretraining.retrieval import retrieval
from xgraph.training.pretraining.settings import PretrainConfig
from xgraph.training.pretraining.tasks import gamma_of, temperature_head, with_parameters_of
from xgraph.training.scoring.inference import in_order
from xgraph.training.sources.batches import make_loader
from xgraph.training.sources.molecules import MoleculeSource

if TYPE_CHECKING:
    from xgraph.data import JoinedDataset


class TextSource(MoleculeSource):
    """Molecules with a text each; the model's outputs are projections."""

    def __init__(self, data: JoinedDataset, texts: list[str], settings: PretrainConfig) -> None:
        from xgraph.data import Ngrams

        super().__init__(data, settings.training(data.name))
        self.texts = texts
        different = {text: number for number, text in enumerate(dict.fromkeys(texts))}
        self.text_id = torch.tensor([different[text] for text in texts])
        self.ngrams = Ngrams(list(different), settings.text_buckets)
        self._columns = [f"projection {i}" for i in range(settings.projection_channels)]

    @property
    def task_names(self) -> list[str]:
        """Names of the projection's columns."""
        return list(self._columns)

    @property
    def num_tasks(self) -> int:
        """Number of the projection's columns."""
        return len(self._columns)

    def contents(self) -> Iterable[bytes]:
        """Yield the contents of the molecules, and their texts."""
        yield from super().contents()
        yield "\n".join(self.texts).encode()


class TwoTowerTask(Task):
    """Learns to match molecules and their texts; the model's head is the molecules' projection."""

    def __init__(self, settings: PretrainConfig, source: TextSource) -> None:
        super().__init__(source.config, source)
        self.header["pretraining"] = settings.to_dict()
        self.metric = "loss"
        self.text_tower = TextTower(
            settings.projection_channels,
            buckets=settings.text_buckets,
            hidden_channels=settings.text_channels,
            dropout=settings.text_dropout,
        )
        self.contrast = TwoTowerLoss(len(source), len(source.ngrams), gamma=gamma_of(settings), **settings.contrast)
        self.temperature_head, self.text_temperature_head = (temperature_head(settings) for _ in range(2))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """One optimiser over both towers, and the networks that predict temperatures, if there are any."""
        more = self.text_tower, self.temperature_head, self.text_temperature_head
        return with_parameters_of(super().configure_optimizers(), *more)

    def on_train_epoch_start(self) -> None:
        """Start an epoch."""
        super().on_train_epoch_start()
        self.contrast.set_epoch(self.current_epoch)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Return the loss of one batch."""
        source: Any = self.source
        z1, z2 = self._encode(batch)
        text = source.text_id.to(batch.idx.device)[batch.idx]
        loss: Tensor = gathered(self.contrast)(z1, z2, batch.idx, text, *self._temperatures(z1, z2))
        self.count(loss)
        return loss

    def score_valid(self) -> None:
        """Find each held-out molecule by its text among all of them, and each text by its molecule."""
        source: Any = self.source
        positions = source.splits["valid"]
        rows = in_order(len(positions), self.config.batch_size)
        total, pairs = 0.0, []
        for batch in make_loader(source.data.batch, positions, rows):
            z1, z2 = self._encode(batch.to(self.device))
            pairs.append((z1, z2))
            total += len(z1) * self.contrast(z1, z2, None, None, *self._temperatures(z1, z2)).item()
        molecules, texts = (torch.cat(parts) for parts in zip(*pairs, strict=True))
        apart = (F.normalize(molecules) - F.normalize(texts)).square().sum(1)
        self.valid_metrics = {
            "loss": total / len(positions),
            **retrieval(texts, molecules, "molecule"),
            **retrieval(molecules, texts, "text"),
            "alignment": apart.mean().item(),
        }
        self.valid_metrics |= {name: value for name, value in self.contrast.monitor().items() if name == "temperature"}

    def _encode(self, batch: Any) -> tuple[Tensor, Tensor]:
        """Return the projections of the molecules and of their texts, ``[B, P]`` each."""
        source: Any = self.source
        z1 = self.model(batch)
        ids, offsets = source.ngrams.take(source.text_id[batch.idx.cpu()])
        z2 = self.text_tower(ids.to(self.device), offsets.to(self.device))
        self._check_finite(z1.detach())
        self._check_finite(z2.detach())
        return z1, z2

    def _temperatures(self, z1: Tensor, z2: Tensor) -> tuple[Tensor, ...]:
        """Return the predicted temperatures of the molecules and of the texts; nothing if there are none."""
        if self.temperature_head is None or self.text_temperature_head is None:
            return ()
        return self.temperature_head(F.normalize(z1)), self.text_temperature_head(F.normalize(z2))
