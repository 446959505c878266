"""What training, evaluation and checkpoints need of a data set."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from xgraph.training.config.build import TrainConfig
from xgraph.training.config.names import distinct
from xgraph.training.config.parts import arrange

if TYPE_CHECKING:
    from xgraph.nn import Model
    from xgraph.sampling.items.epochs import EpochSampler

Progress = Callable[[int, int, str], None]
Scores = npt.NDArray[np.float64]


class Source(ABC):
    """A data set with the ways to train and score on it. Items are known by their positions in it."""

    kind: ClassVar[Literal["graph", "node", "bag"]]
    """What a model for it gives logits to."""

    noun: ClassVar[str]
    """What the items are called in messages."""

    places: ClassVar[tuple[str, ...]]
    """Columns of the predictions file that say which item a row is."""

    def __init__(self, data: Any, config: TrainConfig) -> None:
        self.data, self.config = data, config

    def __len__(self) -> int:
        return len(self.data)

    @property
    def name(self) -> str:
        """Name of the data set."""
        return str(self.data.name)

    @property
    def task_names(self) -> list[str]:
        """The T columns of logits: tasks, or classes that exclude each other."""
        return list(self.data.task_names)

    @property
    def num_tasks(self) -> int:
        """T."""
        return len(self.data.task_names)

    @property
    def several_classes(self) -> bool:
        """Whether the columns are classes that exclude each other."""
        return False

    @property
    def metric(self) -> str:
        """Metric that selects, unless the settings say which."""
        return str(self.data.metric)

    @cached_property
    def splits(self) -> dict[str, Tensor]:
        """Positions of the parts, as the settings want them."""
        return arrange(self.data.splits, self.targets, self.config)

    @property
    def featurizer(self) -> str:
        """Version of the features that are made here; empty if they come with the data."""
        return str(self.data.featurizer)

    @property
    def feature_names(self) -> list[str]:
        """What the features are called, where new items are to bring them under these names; here nothing."""
        return []

    @property
    def model_arguments(self) -> dict[str, Any]:
        """What a model is given of the data, beside the number of logits."""
        return {}

    def prepare(self, model: "Model") -> None:
        """Learn what batches the model wants, before the first one is made; here nothing."""
        return

    @abstractmethod
    def targets(self, positions: Tensor) -> Tensor:
        """Labels as losses take them."""

    @abstractmethod
    def loader(self, positions: Tensor, batches: "EpochSampler", epoch: int, device: torch.device) -> Iterable[Any]:
        """The batches of an epoch, each with `y` [B, T] and `idx` [B], the positions."""

    @abstractmethod
    def score(
        self, model: nn.Module, positions: Tensor, *, device: str = "cpu", progress: Progress | None = None
    ) -> Scores:
        """Logits of a model in evaluation mode."""

    @abstractmethod
    def contents(self) -> Iterable[bytes]:
        """All that the items consist of, labels included: runs on other contents are other runs."""

    @abstractmethod
    def place(self, position: int) -> Sequence[object]:
        """What stands under `places` in an item's row."""

    @abstractmethod
    def group_keys(self, by: str) -> npt.NDArray[np.int64]:
        """A number for each item, the same for items of one group."""

    def fingerprint(self) -> str:
        """A hash over items, labels and splits."""
        digest = hashlib.sha256()
        for part in self.contents():
            digest.update(part)
        for name in sorted(self.splits):
            digest.update(name.encode() + self.splits[name].numpy().tobytes())
        return digest.hexdigest()

    def prediction_columns(self) -> list[str]:
        """Header of the predictions file, after `split`."""
        if self.several_classes:
            names = ["label", "predicted", *(f"{name}_score" for name in self.task_names)]
        else:
            names = [column for name in self.task_names for column in (name, f"{name}_score")]
        return [*self.places, *distinct(names, taken=("split", *self.places))]

    def prediction_rows(self, positions: Tensor, scores: Scores) -> Iterable[list[object]]:
        """Rows of the predictions file, after `split`."""
        for position, labels, own in zip(
            positions.tolist(), self.targets(positions).tolist(), scores.tolist(), strict=True
        ):
            if self.several_classes:
                known = self.task_names[labels.index(1.0)] if 1.0 in labels else ""
                cells = [known, self.task_names[int(np.argmax(own))], *own]
            else:
                shown = ["" if label != label else int(label) for label in labels]
                cells = [cell for pair in zip(shown, own, strict=True) for cell in pair]
            yield [*self.place(position), *cells]
