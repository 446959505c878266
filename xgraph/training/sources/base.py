"""The interface of training, evaluation and checkpoints to a data set."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from xgraph.training.config.build import TrainConfig
from xgraph.training.config.names import distinct
from xgraph.training.config.parts import arrange, scored_parts

if TYPE_CHECKING:
    from xgraph.data.labels.groups import Groups
    from xgraph.data.tables.joined import Files
    from xgraph.nn import Model
    from xgraph.sampling.items.epochs import EpochSampler

Progress = Callable[[int, int, str], None]
Scores = npt.NDArray[np.float64]

_ROWS_AT_ONCE = 1024


class Source(ABC):
    """A data set that can be trained on and scored. Items are identified by their positions in it."""

    kind: ClassVar[Literal["graph", "node", "bag"]]
    """What a model predicts for."""

    noun: ClassVar[str]
    """The plural noun for the items in messages."""

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
        """Names of the T columns of logits: tasks, or mutually exclusive classes."""
        return list(self.data.task_names)

    @property
    def num_tasks(self) -> int:
        """Number of columns of logits, T."""
        return len(self.data.task_names)

    @property
    def several_classes(self) -> bool:
        """Whether the columns are mutually exclusive classes."""
        return bool(getattr(self.data, "task", "binary") == "multiclass")

    @property
    def numbers(self) -> bool:
        """Whether the columns are numbers to predict, rather than labels."""
        return bool(getattr(self.data, "task", "binary") == "regression")

    @property
    def smiles_column(self) -> str | None:
        """Column of a user's table from which the molecules were read, whether it was named or detected."""
        return getattr(self.data, "smiles_column", None)

    @property
    def metric(self) -> str:
        """The default metric for selecting the epoch."""
        return str(self.data.metric)

    @cached_property
    def splits(self) -> dict[str, Tensor]:
        """Positions of the training, validation and test parts, according to the settings."""
        scaffolds = (lambda: self.group_keys("scaffold")) if self.kind == "graph" else None
        return arrange(self.data.splits, self.targets, self.config, getattr(self.data, "cases", None), scaffolds)

    @property
    def scored(self) -> tuple[str, ...]:
        """The parts that a finished run reports metrics for; a part that the data set lacks is not among them."""
        return tuple(name for name in scored_parts(self.config) if name in self.splits)

    @cached_property
    def weights(self) -> Tensor | None:
        """Weights of the items in the loss, with the mean 1 over the training part; None if all count the same."""
        weight: Tensor | None = getattr(self.data, "weight", None)
        if weight is None:
            return None
        mean = weight[self.splits["train"]].double().mean()
        if not bool(mean > 0):
            raise ValueError(f"weight_column: all weights in the training part of {self.name!r} are 0")
        return (weight.double() / mean).float()

    @property
    def groups(self) -> "Groups | None":
        """The groups of the items for which error rates are compared, if there are any."""
        return getattr(self.data, "groups", None)

    @property
    def featurizer(self) -> str:
        """Version of the features that xgraph computes; empty if they come with the data."""
        return str(self.data.featurizer)

    @property
    def feature_names(self) -> list[str]:
        """Names of the features that new items must have; empty by default."""
        return []

    def pretrained(self, dataset: str | None = None) -> dict[str, dict[str, str]]:
        """Say what the pretrained encoders among the features were trained on, and may have seen of a data set.

        Args:
            dataset: Name of the data set, or anything else for data of one's own; by default that of the run.
        """
        return {}

    @property
    def model_arguments(self) -> dict[str, Any]:
        """Arguments of the model that depend on the data, other than the number of logits."""
        return {}

    def table(self, positions: Tensor, progress: Progress | None = None) -> Tensor:
        """Return the features of items, ``[n, F]``, for the models that are fitted to a table of them."""
        raise NotImplementedError

    def prepare(self, model: "Model") -> None:
        """Adapt the model and the batches to each other before training; does nothing by default."""
        return

    def with_settings(self, config: TrainConfig, progress: Progress | None = None) -> "Source":
        """Return the same data for a run with other settings of its model."""
        return type(self)(self.data, config)

    @property
    def files(self) -> "Files | None":
        """The files of the data set, if there are several."""
        return getattr(self.data, "files", None)

    @property
    @abstractmethod
    def places(self) -> tuple[str, ...]:
        """Columns of the predictions file that identify the item of a row."""

    @property
    @abstractmethod
    def rows_per_batch(self) -> float:
        """Mean number of rows of features in a training batch: atoms, nodes, instances or pixels."""

    @abstractmethod
    def targets(self, positions: Tensor) -> Tensor:
        """Return labels in the form that losses expect."""

    @abstractmethod
    def loader(self, positions: Tensor, batches: "EpochSampler", epoch: int, device: torch.device) -> Iterable[Any]:
        """Return the batches of an epoch, each with labels `y` [B, T] and positions `idx` [B]."""

    @abstractmethod
    def score(
        self, model: nn.Module, positions: Tensor, *, device: str = "cpu", progress: Progress | None = None
    ) -> Scores:
        """Return the logits of a model in evaluation mode."""

    @abstractmethod
    def contents(self) -> Iterable[bytes]:
        """Yield the contents of all items and their labels, for the fingerprint."""

    @abstractmethod
    def place(self, position: int) -> Sequence[object]:
        """Return the cells of an item under `places`."""

    @abstractmethod
    def group_keys(self, by: str) -> npt.NDArray[np.int64]:
        """Return a number per item that is the same for items of one group."""

    def fingerprint(self) -> str:
        """Return a hash of items, labels and splits."""
        digest = hashlib.sha256()
        for part in self.contents():
            digest.update(part)
        if getattr(self.data, "weight", None) is not None:
            digest.update(self.data.weight.numpy().tobytes())
        if self.groups is not None:
            digest.update(self.groups.codes.tobytes())
        for name in sorted(self.splits):
            digest.update(name.encode() + self.splits[name].numpy().tobytes())
        return digest.hexdigest()

    def prediction_columns(self) -> list[str]:
        """Return the header of the predictions file, after `split`."""
        if self.several_classes:
            names = ["label", "predicted", *(f"{name}_score" for name in self.task_names)]
        else:
            names = [column for name in self.task_names for column in (name, f"{name}_score")]
        return [*self.places, *distinct(names, taken=("split", *self.places))]

    def prediction_rows(self, positions: Tensor, scores: Scores) -> Iterable[list[object]]:
        """Yield the rows of the predictions file, after `split`."""
        for position, labels, own in self._labelled(positions, scores):
            if self.several_classes:
                known = self.task_names[labels.index(1.0)] if 1.0 in labels else ""
                cells = [known, self.task_names[int(np.argmax(own))], *own]
            else:
                shown = ["" if label != label else _plain(label) if self.numbers else int(label) for label in labels]
                cells = [cell for pair in zip(shown, own, strict=True) for cell in pair]
            yield [*self.place(position), *cells]

    def _labelled(self, positions: Tensor, scores: Scores) -> Iterator[tuple[int, list[float], list[float]]]:
        """Yield position, labels and scores of each item; only those of some items are made lists at a time."""
        for first in range(0, len(positions), _ROWS_AT_ONCE):
            some = positions[first : first + _ROWS_AT_ONCE]
            own = scores[first : first + _ROWS_AT_ONCE].tolist()
            yield from zip(some.tolist(), self.targets(some).tolist(), own, strict=True)


def _plain(number: float) -> float:
    """Return a number that was stored in 32 bits with no more digits than these have, such as -0.77."""
    return float(str(np.float32(number)))
