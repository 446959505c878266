"""Molecules: batches of whole graphs."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from xgraph.training.scoring.inference import score
from xgraph.training.sources.base import Progress, Scores, Source
from xgraph.training.sources.batches import make_loader

if TYPE_CHECKING:
    from xgraph.nn import Model
    from xgraph.sampling.items.epochs import EpochSampler


class MoleculeSource(Source):
    """A `MoleculeDataset` to train and score on. Arguments: `Source`."""

    kind: ClassVar[Literal["graph", "node", "bag"]] = "graph"
    noun: ClassVar[str] = "molecules"
    places: ClassVar[tuple[str, ...]] = ("row", "smiles")

    @property
    def feature_names(self) -> list[str]:
        """What the numbers beside the graph are called; new molecules get the same."""
        return list(self.data.feature_names)

    @property
    def model_arguments(self) -> dict[str, Any]:
        """How many numbers there are beside the graph, if there are any."""
        return {} if self.data.features is None else {"num_features": self.data.features.size(1)}

    def prepare(self, model: "Model") -> None:
        """Let the model know mean and deviation of the numbers beside the graph, of the training molecules only."""
        from xgraph.data import feature_statistics

        if model.scale is not None and self.data.features is not None:
            model.scale.fit(*feature_statistics(self.data.features, self.splits["train"]))

    def targets(self, positions: Tensor) -> Tensor:
        """Labels, float32 [n, T]."""
        labels: Tensor = self.data.y[positions]
        return labels

    def loader(self, positions: Tensor, batches: "EpochSampler", epoch: int, device: torch.device) -> Iterable[Any]:
        """PyG batches, on the CPU."""
        return make_loader(self.data, positions, batches)

    def score(
        self, model: nn.Module, positions: Tensor, *, device: str = "cpu", progress: Progress | None = None
    ) -> Scores:
        """Logits of a model in evaluation mode, shape [n, T]."""
        return score(model, self.data, positions, device=device, progress=progress)

    def contents(self) -> Iterable[bytes]:
        """The SMILES and the labels; what stands beside the graph is made of the SMILES, as the graph is."""
        yield "\n".join(self.data.smiles).encode()
        yield self.data.y.numpy().tobytes()

    def place(self, position: int) -> Sequence[object]:
        """The molecule's row in its source and its SMILES."""
        return int(self.data.row[position]), self.data.smiles[position]

    def group_keys(self, by: str) -> npt.NDArray[np.int64]:
        """The scaffold, or the labels of all tasks."""
        if by == "scaffold":
            from xgraph.data.molecules.splits import scaffold_groups

            return scaffold_groups(self.data.smiles)
        return label_keys(self.data.y)


def label_keys(y: Tensor) -> npt.NDArray[np.int64]:
    """A number for each row of labels; missing ones are labels too."""
    keys = np.unique(np.nan_to_num(y.numpy(), nan=-1.0), axis=0, return_inverse=True)[1]
    return keys.reshape(-1).astype(np.int64, copy=False)
