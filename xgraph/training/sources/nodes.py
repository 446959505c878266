"""Nodes of one graph: trained on sampled neighbourhoods, scored with all neighbours."""

import copy
import inspect
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from xgraph.nn import NodeModel
from xgraph.training.config.build import TrainConfig, registry
from xgraph.training.sources.base import Progress, Scores, Source
from xgraph.training.sources.molecules import label_keys

if TYPE_CHECKING:
    from xgraph.nn import InEdges, Model
    from xgraph.sampling import NeighborLoader
    from xgraph.sampling.items.epochs import EpochSampler


class NodeSource(Source):
    """A `NodeDataset` as a source."""

    kind: ClassVar[Literal["graph", "node", "bag"]] = "node"
    noun: ClassVar[str] = "nodes"

    @property
    def places(self) -> tuple[str, ...]:
        """Columns of the predictions file that identify a node."""
        return ("node",)

    def __init__(self, data: Any, config: TrainConfig) -> None:
        super().__init__(data, config)
        if data.node_type is not None:
            raise ValueError(
                f"dataset: {data.name!r} has several node types, which the built-in models do not support; "
                "use NeighborLoader with a model of your own"
            )
        if data.num_features == 0:
            raise ValueError(f"dataset: the nodes of {data.name!r} have no features, which the built-in models require")
        self._loader: NeighborLoader | None = None
        self._aggregates_for: NodeModel | None = None

    @property
    def feature_names(self) -> list[str]:
        """Names of the features, which a table of new nodes must have."""
        return list(self.data.feature_names)

    @property
    def model_arguments(self) -> dict[str, Any]:
        """The number of features and, for a model with tables, the number of nodes."""
        arguments = {"in_channels": int(self.data.num_features)}
        if "num_nodes" in inspect.signature(registry("model")[self.config.model]).parameters:
            arguments["num_nodes"] = len(self)
        return arguments

    @property
    def rows_per_batch(self) -> float:
        """Number of nodes in a batch, if all neighbours are different: at most all nodes."""
        hop = rows = int(self.config.batch_size)
        for neighbors in self.config.num_neighbors or []:
            if neighbors < 0:
                return len(self)
            hop *= neighbors
            rows += hop
        return min(rows, len(self))

    def prepare(self, model: "Model") -> None:
        """Note whether the model's first layer uses the exact aggregates of the features."""
        self._aggregates_for = model if isinstance(model, NodeModel) and model.exact_input else None

    def targets(self, positions: Tensor) -> Tensor:
        """Return labels, float32 [n, T]; one-hot rows for mutually exclusive classes."""
        labels: Tensor = self.data.targets(positions)
        return labels

    def loader(self, positions: Tensor, batches: "EpochSampler", epoch: int, device: torch.device) -> Iterable[Any]:
        """Return batches of sampled neighbourhoods."""
        from xgraph.sampling import NeighborLoader

        loader = self._loader
        if loader is None:  # it holds graph and features; shared by both stages, which differ only in their batches
            data, hops = self.data.data, self.config.num_neighbors or []
            if self._aggregates_for is not None:  # its first layer uses no edges
                data, hops = self._with_aggregates(self._aggregates_for), hops[:-1] or [0]
            loader = self._loader = NeighborLoader(
                data,
                hops,
                positions,
                batch_sampler=batches,
                seed=self.config.seed,
                device=device,
                storage=self.config.storage,
                sparse=self.data.data.x.layout == torch.sparse_csr,
                transform=self._label,
            )
        loader.batch_sampler = batches
        loader.set_epoch(epoch)
        return loader

    def score(
        self, model: nn.Module, positions: Tensor, *, device: str = "cpu", progress: Progress | None = None
    ) -> Scores:
        """Return logits computed from all neighbours, shape [n, T]."""
        from xgraph.nn import layerwise

        logits = layerwise(model.to(device), self.data.data.x, self.in_edges, positions, progress=progress)  # type: ignore[arg-type]
        return logits.double().cpu().numpy()

    def _with_aggregates(self, model: NodeModel) -> Any:
        """Return the graph with the first layer's aggregates over all neighbours."""
        from xgraph.nn import input_aggregate

        data = copy.copy(self.data.data)
        data.x_aggr = input_aggregate(model, data.x, data.edge_index)
        return data

    @cached_property
    def in_edges(self) -> "InEdges":
        """The edges sorted by target, shared with the sampler if possible."""
        from xgraph.nn import InEdges

        if self._loader is not None:
            (topology,) = self._loader.neighbor_sampler.graph.topologies.values()
            if topology.row.device.type == "cpu":
                return InEdges(topology.colptr, topology.row)
        return InEdges.from_edge_index(self.data.data.edge_index, len(self))

    def _label(self, batch: Any) -> Any:
        """Add labels and positions to a batch, for the loss."""
        batch.idx = batch.n_id[: batch.batch_size]
        batch.y = self.targets(batch.idx.cpu()).to(batch.idx.device)
        return batch

    def contents(self) -> Iterable[bytes]:
        """Yield features, edges and labels."""
        x = self.data.data.x
        sparse = x.layout == torch.sparse_csr
        parts = (x.crow_indices(), x.col_indices(), x.values()) if sparse else (x,)
        for part in (*parts, self.data.data.edge_index, self.data.y):
            yield part.reshape(-1).numpy().data
        for name in self.data.ids or ():
            yield f"{name}\0".encode()

    def place(self, position: int) -> Sequence[object]:
        """Return the node's name, or its number in its source if it has none."""
        return (self.data.ids[position] if self.data.ids else int(self.data.row[position]),)

    def group_keys(self, by: str) -> npt.NDArray[np.int64]:
        """Group nodes by their label, or by the labels of all tasks."""
        y: Tensor = self.data.y
        return label_keys(y if y.dim() == 2 else y.unsqueeze(1).float())
