"""Bags of instances: trained on sampled or all instances, scored on all of them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from xgraph.data.bags.passes import chunks, grouped, instances_per_pass
from xgraph.nn import FittedModel
from xgraph.nn.tables.rank_mean import RankMean
from xgraph.training.config.build import TrainConfig
from xgraph.training.scoring.bag_scores import combined, score_bags
from xgraph.training.scoring.inference import score_table
from xgraph.training.sources.base import Progress, Scores, Source
from xgraph.training.sources.molecules import label_keys

if TYPE_CHECKING:
    from xgraph.nn import Model
    from xgraph.sampling import BagLoader
    from xgraph.sampling.items.epochs import EpochSampler

_SOME = 64  # instances that show how many rows of features an instance has


class BagSource(Source):
    """A `BagDataset` as a source."""

    kind: ClassVar[Literal["graph", "node", "bag"]] = "bag"
    noun: ClassVar[str] = "bags"

    _loader: "BagLoader | None" = None

    def __init__(self, data: Any, config: TrainConfig) -> None:
        super().__init__(data, config)
        if config.fitted and not data.instance_shape:
            raise ValueError(
                f"model {config.model!r} is fitted to statistics of the instances' features, but the instances of "
                f"{data.name!r} are molecules; choose another model, such as attention"
            )
        self._statistics: dict[int, Tensor] = {}

    @property
    def places(self) -> tuple[str, ...]:
        """Columns of the predictions file that identify a bag."""
        return ("bag",) if self.files is None else ("file", "bag")

    @property
    def samples(self) -> bool:
        """Whether batches may hold only a sample of a bag's instances."""
        k = self.config.instances
        return k is not None and k < int(self.data.sizes.max())

    @property
    def feature_names(self) -> list[str]:
        """Names of the features; empty if they have none."""
        return list(self.data.feature_names)

    @property
    def model_arguments(self) -> dict[str, Any]:
        """The shape of an instance and, if instances are sampled, the number of bags; or the number of statistics."""
        if self.config.fitted:
            from xgraph.data.bags.summaries import STATISTICS

            return {"num_features": len(STATISTICS) * int(np.prod(self.data.instance_shape))}
        arguments: dict[str, Any] = {"instance_shape": list(self.data.instance_shape)}
        if self.samples:
            arguments["num_bags"] = len(self)
        return arguments

    @property
    def rows_per_batch(self) -> float:
        """Mean number of instances in a batch, or of the pixels or atoms that they consist of."""
        mean = self.data.num_instances / max(len(self), 1)
        instances = mean if self.config.instances is None else min(mean, self.config.instances)
        some = torch.arange(min(self.data.num_instances, _SOME))
        x = self.data.store.take(some).x
        return float(self.config.batch_size * instances * x.numel() / (x.shape[1] * max(len(some), 1)))

    def table(self, positions: Tensor, progress: Progress | None = None) -> Tensor:
        """Return statistics of the instances of bags; each bag is read once."""
        from xgraph.data import bag_statistics

        new = [bag for bag in dict.fromkeys(positions.tolist()) if bag not in self._statistics]
        rows = bag_statistics(self.data, torch.tensor(new, dtype=torch.long), progress=progress)
        self._statistics.update(zip(new, rows, strict=True))
        return torch.stack([self._statistics[bag] for bag in positions.tolist()])

    def with_settings(self, config: TrainConfig, progress: Progress | None = None) -> "BagSource":
        """Return the same bags for a run with other settings of its model; what was computed of them is shared."""
        other = BagSource(self.data, config)
        other._statistics = self._statistics
        return other

    def prepare(self, model: "Model") -> None:
        """Set mean and deviation of the features of the training bags, if the model standardises them."""
        from xgraph.data import instance_statistics

        if model.scale is not None:
            model.scale.fit(*instance_statistics(self.data, self.splits["train"]))

    def targets(self, positions: Tensor) -> Tensor:
        """Return labels, float32 [n, T]."""
        labels: Tensor = self.data.targets(positions)
        return labels

    def loader(self, positions: Tensor, batches: "EpochSampler", epoch: int, device: torch.device) -> Iterable[Any]:
        """Return batches of bags with sampled instances or all of them."""
        from xgraph.sampling import BagLoader

        loader = self._loader
        if loader is None:  # shared by both stages, which differ only in their batches
            k, seed = self.config.instances, self.config.seed
            loader = self._loader = BagLoader(self.data, k, positions, batch_sampler=batches, seed=seed, device=device)
        loader.batch_sampler = batches
        loader.set_epoch(epoch)
        return loader

    def score(
        self, model: nn.Module, positions: Tensor, *, device: str = "cpu", progress: Progress | None = None
    ) -> Scores:
        """Return the logits of whole bags, shape [n, T]."""
        if isinstance(model, RankMean):
            each = [self.score(one, positions, device=device, progress=progress) for one in model.members]
            return combined(model, each)
        if isinstance(model, FittedModel):
            return score_table(model, self.table(positions, progress), device=device)
        return score_bags(model, self.data, positions, device=device, progress=progress)  # type: ignore[arg-type]

    def contents(self) -> Iterable[bytes]:
        """Yield names, sizes, instances and labels of the bags."""
        yield "\n".join(self.data.bag_names).encode()
        yield self.data.bag_ptr.numpy().tobytes()
        digests = self.data.store.digests()
        if digests is not None:
            yield "\n".join(digests).encode()
        for batch in self._pieces() if digests is None else ():
            for part in (batch.x, getattr(batch, "edge_index", None), getattr(batch, "edge_attr", None)):
                if part is not None:
                    yield part.contiguous().reshape(-1).numpy().data
        yield self.data.y.numpy().tobytes()

    def place(self, position: int) -> Sequence[object]:
        """Return the bag's name, with its file if there are several."""
        name = self.data.bag_names[position]
        return (name,) if self.files is None else (self.files.place(int(self.data.row[position]))[0], name)

    def group_keys(self, by: str) -> npt.NDArray[np.int64]:
        """Group bags by the labels of all tasks."""
        return label_keys(self.data.y)

    def _pieces(self) -> Iterator[Any]:
        """Yield all instances in the batches in which they are scored."""
        most, sizes = instances_per_pass(self.data), self.data.sizes
        for group in grouped(sizes, most):
            if int(sizes[group[0]]) > most:
                yield from chunks(self.data, group[0], most)
            else:
                yield self.data.batch(group)
