"""Molecules: batches of whole graphs."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from xgraph.data.cards.pretrained import seen_by
from xgraph.training.config.build import TrainConfig
from xgraph.training.config.registry import registry
from xgraph.training.scoring.inference import batches_for, score
from xgraph.training.sources.base import Progress, Scores, Source
from xgraph.training.sources.batches import make_loader

if TYPE_CHECKING:
    from xgraph.nn import Model
    from xgraph.sampling.items.epochs import EpochSampler


class MoleculeSource(Source):
    """A `MoleculeDataset` as a source."""

    kind: ClassVar[Literal["graph", "node", "bag"]] = "graph"
    noun: ClassVar[str] = "molecules"

    @property
    def places(self) -> tuple[str, ...]:
        """Columns of the predictions file that identify a molecule."""
        return ("row", "smiles") if self.files is None else ("file", "row", "smiles")

    @property
    def feature_names(self) -> list[str]:
        """Names of the extra features; new molecules get the same ones."""
        return list(self.data.feature_names)

    def pretrained(self, dataset: str | None = None) -> dict[str, dict[str, str]]:
        """Say what the pretrained encoders among the features were trained on, and may have seen of a data set."""
        versions = {part.partition("/")[0]: part for part in self.data.featurizer.split("+")}
        seen = seen_by(self.data.feature_kinds, self.config.dataset if dataset is None else dataset)
        return {kind: {**one, "version": versions[kind]} for kind, one in seen.items()}

    @property
    def model_arguments(self) -> dict[str, Any]:
        """The number of extra features, if there are any."""
        return {} if self.data.features is None else {"num_features": self.data.features.size(1)}

    @property
    def rows_per_batch(self) -> float:
        """Mean number of atoms in a batch, or of molecules if the model reads no graphs."""
        if not self._model.reads_graphs:
            return float(self.config.batch_size)
        return float(self.config.batch_size * len(self.data.graphs.x) / max(len(self), 1))

    def table(self, positions: Tensor, progress: Progress | None = None) -> Tensor:
        """Return the extra features of molecules."""
        features: Tensor = self.data.features[positions]
        return features

    def prepare(self, model: "Model") -> None:
        """Set mean and deviation of the extra features of the training molecules, if the model standardises them."""
        from xgraph.data import feature_statistics

        if model.scale is None or self.data.features is None:
            return
        train = self.splits["train"]
        if not model.reads_graphs and not bool((self.data.features[train] != self.data.features[train[0]]).any()):
            raise ValueError(
                f"features = {','.join(self.data.feature_kinds)}: they are the same for all {len(train)} molecules of "
                "the training part, so that nothing can be learned from them"
            )
        model.scale.fit(*feature_statistics(self.data.features, train))

    def with_settings(self, config: TrainConfig, progress: Progress | None = None) -> "Source":
        """Return the same molecules with the extra features of a run with other settings of its model."""
        return type(self)(self.data.with_features(config.features or [], progress=progress), config)

    def targets(self, positions: Tensor) -> Tensor:
        """Return labels, float32 [n, T]."""
        labels: Tensor = self.data.y[positions]
        return labels

    def loader(self, positions: Tensor, batches: "EpochSampler", epoch: int, device: torch.device) -> Iterable[Any]:
        """Return batches on the CPU, without graphs if the model does not read them."""
        return make_loader(batches_for(self._model, self.data), positions, batches)

    def score(
        self, model: nn.Module, positions: Tensor, *, device: str = "cpu", progress: Progress | None = None
    ) -> Scores:
        """Return the logits of a model in evaluation mode, shape [n, T]."""
        return score(model, self.data, positions, device=device, progress=progress)

    def contents(self) -> Iterable[bytes]:
        """Yield the SMILES and the labels; graphs and extra features are computed from the SMILES, if there are any."""
        yield "\n".join(self.data.smiles).encode()
        if not all(self.data.smiles):
            graphs = self.data.graphs
            yield from (part.tobytes() for part in (graphs.x, graphs.ends, graphs.bond_attr, graphs.atom_ptr))
        yield self.data.y.numpy().tobytes()

    def place(self, position: int) -> Sequence[object]:
        """Return the molecule's row in its source, with the file if there are several, and its SMILES."""
        row = int(self.data.row[position])
        where = (row,) if self.files is None else self.files.place(row)
        return *where, self.data.smiles[position]

    @property
    def _model(self) -> "type[Model]":
        """The class of the run's model."""
        model: type[Model] = registry("model")[self.config.model]
        return model

    def group_keys(self, by: str) -> npt.NDArray[np.int64]:
        """Group molecules by scaffold, or by the labels of all tasks."""
        if by == "scaffold":
            from xgraph.data.molecules.identity import identities
            from xgraph.data.molecules.splits import scaffold_groups
            from xgraph.data.molecules.standardize import atom_order_of

            texts = self.data.graph_smiles
            if atom_order_of(self.data.featurizer) == "canonical":  # else as in OGB
                texts = identities(texts, level="graph")
            return scaffold_groups(texts)
        return label_keys(self.data.y)


def label_keys(y: Tensor) -> npt.NDArray[np.int64]:
    """Return a number per row that is the same for equal rows of labels; missing labels equal each other."""
    keys = np.unique(np.nan_to_num(y.numpy(), nan=-1.0), axis=0, return_inverse=True)[1]
    return keys.reshape(-1).astype(np.int64, copy=False)
