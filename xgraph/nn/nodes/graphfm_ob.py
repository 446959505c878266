"""GraphFM-OB: training on clusters of nodes, with momentum tables for the neighbours outside the cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from xgraph.estimators import GammaSchedule
from xgraph.estimators.rows import check_estimate
from xgraph.nn.convolutions.block import Block
from xgraph.nn.convolutions.feature_momentum import FeatureMomentum
from xgraph.nn.convolutions.rows import first_rows, take_rows
from xgraph.nn.convolutions.table_options import TableOptions
from xgraph.nn.layers.reset import reset_parameters
from xgraph.nn.nodes.cluster_blocks import Halo, cluster_blocks
from xgraph.nn.nodes.model import NodeModel
from xgraph.nn.nodes.momentum_model import MomentumModel


class GraphFMOB(nn.Module):
    r"""GraphFM-OB: trains a model on clusters of nodes and takes neighbours outside the cluster from tables.

    A batch is a cluster of nodes, all edges into the cluster, and its halo: the nodes outside the cluster with an edge
    into it. In each layer, the cluster's embeddings are computed from all their neighbours and written to the layer's
    table. The halo's embeddings cannot be computed, because most of their neighbours are not in the batch. They are
    read from the table, after a momentum step towards the estimate :math:`\hat h_v` from the batch's edges into the
    halo:

    .. math:: \bar h_v ← (1 - γ) \bar h_v + γ \hat h_v \quad (\text{halo}), \qquad \bar h_v ← h_v \quad (\text{cluster})

    A step therefore takes memory and time for one cluster and its halo, independent of the number of layers. From Yu
    et al., "GraphFM: Improving Large-Scale GNN Training via Feature Momentum", ICML 2022 (where the momentum is the
    weight of the old value). With γ = 0 the halo is only read; this is GNNAutoScale (Fey et al., ICML 2021). The last
    layer has no table.

    Tables hold embeddings before dropout, which is applied after reading. The residual of a halo node is its vector in
    the previous layer. Estimates are rescaled by the true degrees, as the convolution does with sampled neighbours, and
    normalised by the running statistics of batch normalisation, which are updated from the cluster only. A halo node
    that has no row yet is zero with γ = 0, as in GNNAutoScale; otherwise its first estimate is stored unchanged. A halo
    node without an edge into it in the batch has no estimate: its row is only read, and if it has none yet, a value
    computed from its own vector is used.

    Clusters are not random samples: labels and statistics differ from one to the next. Use many small parts, several
    parts per batch, and ``norm="layer"`` instead of batch normalisation.

    The model is trained in place. For exact scores, use the model without this wrapper:
    ``layerwise(model, x, edge_index)``. In evaluation mode nothing is written, and the halo is read from the tables.

    Args:
        model: A model without tables of its own. If it uses the exact aggregates of the features (`exact_input`), the
            first layer is exact for the halo too and has no table.
        num_nodes: Number of nodes in the whole graph.
        gamma: Weight γ of the estimates, in [0, 1], or a schedule in (0, 1]; None takes it from `table`.
        table: Options of the tables. The default is γ = 0.3 and ``gradient="scaled"``, which passes the gradient times
            γ to the estimates, as differentiating the equation does.
        options: Options of `TableOptions` by name: `gradient`, `dtype`, `storage`, `folder`, `in_checkpoint`.

    Raises:
        ValueError: If an argument is out of range, the model has tables, or a batch lacks an attribute or edges.
        IndexError: If a batch has a node that is not in the tables.

    Example:
        >>> from torch_geometric.data import Data
        >>> from xgraph.nn import GraphSAGE
        >>> model = GraphFMOB(GraphSAGE(num_tasks=2, in_channels=4, hidden_channels=8), num_nodes=3)
        >>> ring = torch.tensor([[2, 0, 1], [0, 1, 2]])
        >>> cluster = Data(x=torch.randn(2, 4), edge_index=torch.tensor([[1], [0]]), n_id=torch.tensor([0, 2]),
        ...                batch_size=1, degree=torch.tensor([1, 1]))
        >>> model(cluster).shape
        torch.Size([1, 2])
    """

    def __init__(
        self,
        model: NodeModel,
        num_nodes: int,
        gamma: float | GammaSchedule | None = None,
        *,
        table: TableOptions | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        if not isinstance(model, NodeModel):
            raise TypeError(f"model must be a NodeModel such as GraphSAGE, got {type(model).__name__}")
        if isinstance(model, MomentumModel) and len(model.tables):
            raise ValueError(
                "model must not have tables of its own: pass GraphSAGE, not GraphSAGEFM, or create it without num_nodes"
            )
        self.model, self.num_nodes = model, num_nodes
        own = table or TableOptions(gamma=0.3, gradient="scaled")
        own = own.updated(options if gamma is None else {"gamma": gamma, **options})
        self.reads_only = isinstance(own.gamma, int | float) and own.gamma == 0
        own = own.updated({"gamma": 1.0}) if self.reads_only else own
        self.tables = nn.ModuleDict()
        for number in range(int(model.exact_input), model.num_layers - 1):
            self.tables[str(number)] = FeatureMomentum(num_nodes, model.hidden_channels, table=own)

    def forward(self, batch: Any) -> Tensor:
        """Return logits of the cluster's nodes, ``[batch_size, num_tasks]``; `batch` may also be the whole graph."""
        return self.model.in_units(self.model.head(self.embed(batch)))

    def embed(self, batch: Any) -> Tensor:
        """Return the vectors that the head turns into logits, ``[batch_size, hidden_channels]``."""
        model = self.model
        model._check(batch)
        aggregate = model._input_aggregate(batch)
        # Every process takes part in each exchange of rows, also one whose batch has no halo.
        shared = self.training and any(table.table.exchange is not None for table in self._momenta())
        inner, halo = cluster_blocks(batch, self.num_nodes, loops=model.adds_self_loops, always=shared)
        if model.exact_input and aggregate is None and halo is not None:
            raise ValueError(
                "the batch has no x_aggr, which a model with exact_input needs: set data.x_aggr = "
                "xgraph.nn.input_aggregate(model, data.x, data.edge_index) before creating the loader"
            )
        h, size = batch.x, inner.num_targets
        total: Tensor | None = None
        for number in range(model.num_layers):
            last = number == model.num_layers - 1
            if aggregate is not None:
                count = size if last else batch.x.size(0)
                block = inner._replace(edge_index=inner.edge_index[:, :0], num_targets=count)
                new = model.hidden(number, h, block, first_rows(aggregate, count))
                aggregate = None
            else:
                new = model.hidden(number, h, inner)
                if not last:
                    new = self._with_halo(number, h, new, inner, halo)
            h = model.connect(number, h, new)
            total = h[:size] if total is None or model.jk == "last" else total + h[:size]
        return h if total is None else total

    def _with_halo(self, number: int, x: Tensor, own: Tensor, inner: Block, halo: Halo | None) -> Tensor:
        """Write the cluster's new vectors to the table, and append the halo's."""
        if str(number) not in self.tables:
            return own
        table: Any = self.tables[str(number)]
        size, n_id = inner.num_targets, inner.n_id
        if self.training:
            fixed = own.detach().to(torch.promote_types(own.dtype, torch.float32))
            check_estimate(fixed, (size, *table.table.shape))
            table.table.write(fixed, n_id[:size], duplicates=False, gamma=1.0)
        if halo is None:
            return own
        if self.reads_only or not self.training:
            beside = table.table.read(n_id[size:], own.new_zeros(len(n_id) - size, own.size(1)))
        else:
            with _running_statistics(self.model.norms[number]):
                estimate = self.model.hidden(number, take_rows(x, halo.order), halo.block)
            beside = table(estimate, n_id[size:], halo.known)
        return torch.cat([own, beside])

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, counted from 0, for a schedule of γ."""
        for table in self._momenta():
            table.set_epoch(epoch)

    def _momenta(self) -> list[FeatureMomentum]:
        return [table for table in self.tables.values() if isinstance(table, FeatureMomentum)]

    def reset_parameters(self) -> None:
        """Reinitialise all weights and clear the tables."""
        self.model.reset_parameters()
        reset_parameters(self.tables)


@contextmanager
def _running_statistics(norm: nn.Module) -> Iterator[None]:
    """Make batch normalisation use its running statistics without updating them."""
    training = norm.training
    norm.eval()
    try:
        yield
    finally:
        norm.train(training)
