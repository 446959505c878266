"""A network on features alone, without graphs."""

from collections.abc import Mapping
from typing import Any, ClassVar, get_args

from torch import Tensor, nn

from xgraph.checks import MOST_LAYERS, choice, integer
from xgraph.nn.layers.dropout import Dropout
from xgraph.nn.layers.feature_scale import FeatureScale
from xgraph.nn.layers.norm import Norm, make_norm
from xgraph.nn.layers.protocol import Kind, Model
from xgraph.nn.layers.reset import reset_parameters
from xgraph.nn.tables.features import USUAL_FEATURES, features_of, standardised


class MLP(nn.Module, Model):
    """Multilayer perceptron (MLP): a network on the features of an item, trained with any loss.

    Only the `features` of a batch are used, ``[B, F]``, not its graphs. They are standardised over the training items
    and clamped to ±10. Each hidden layer is linear, normalisation, ReLU, dropout; the head is linear.

    Args:
        num_tasks: Number T of logits per item.
        num_features: Number F of features of an item.
        hidden_channels: Size of the hidden layers.
        num_layers: Number of hidden layers.
        dropout: Dropout probability after each hidden layer.
        norm: Normalisation in each hidden layer.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> import torch
        >>> from types import SimpleNamespace
        >>> model = MLP(num_tasks=2, num_features=512)
        >>> model(SimpleNamespace(features=torch.randn(3, 512))).shape
        torch.Size([3, 2])
    """

    kind: ClassVar[Kind] = "graph"
    takes_features: ClassVar[bool] = True
    reads_graphs: ClassVar[bool] = False

    scale: FeatureScale

    def __init__(
        self,
        num_tasks: int,
        num_features: int,
        *,
        hidden_channels: int = 256,
        num_layers: int = 1,
        dropout: float = 0.2,
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        self.num_tasks, self.num_features = integer("num_tasks", num_tasks), integer("num_features", num_features)
        self.hidden_channels = integer("hidden_channels", hidden_channels)
        self.num_layers = integer("num_layers", num_layers, most=MOST_LAYERS)
        self.norm = choice("norm", norm, get_args(Norm))
        self.scale, self.target_scale = FeatureScale(num_features), None
        layers: list[nn.Module] = []
        width = num_features
        for _ in range(num_layers):
            linear = nn.Linear(width, hidden_channels, bias=norm == "none")
            layers += [linear, make_norm(norm, hidden_channels), nn.ReLU(inplace=True), Dropout(dropout)]
            width = hidden_channels
        self.dropout = dropout
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(width, num_tasks)

    @classmethod
    def usual_features(cls, options: Mapping[str, Any]) -> list[str]:
        """Return the names of the features that a run computes for this model by default."""
        return list(USUAL_FEATURES)

    def reset_parameters(self) -> None:
        """Reinitialise all weights and reset the normalisation statistics; the standardisation of features is kept."""
        reset_parameters(self.features)
        self.head.reset_parameters()

    def forward(self, batch: Any) -> Tensor:
        """Return logits, or numbers in the units of the targets, ``[B, T]``.

        Args:
            batch: A batch with `features`, ``[B, F]``.

        Raises:
            ValueError: If the batch has no features, or features of the wrong shape.
        """
        return self.in_units(self.head(self.embed(batch)))

    def embed(self, batch: Any) -> Tensor:
        """Return the last hidden layer, ``[B, hidden_channels]``."""
        x = features_of(batch, type(self).__name__, self.num_features)
        out: Tensor = self.features(standardised(self.scale, x.to(self.scale.mean.dtype)))
        return out

    def __repr__(self) -> str:
        options = f"hidden_channels={self.hidden_channels}, num_layers={self.num_layers}, dropout={self.dropout}"
        return f"{type(self).__name__}({self.num_tasks}, {self.num_features}, {options}, norm={self.norm!r})"
