"""From graph vectors to logits."""

from torch import Tensor, nn

from xgraph.nn.layers.dropout import Dropout
from xgraph.nn.layers.reset import reset_parameters


class Head(nn.Module):
    """Linear, ReLU, dropout, linear: graph vectors ``[B, C]`` to logits ``[B, num_tasks]``.

    Args:
        channels: Length C of the graph vectors, and of the hidden layer.
        num_tasks: Number of logits.
        dropout: Probability that a hidden element becomes zero.

    Example:
        >>> import torch
        >>> Head(8, num_tasks=3, dropout=0.0)(torch.randn(2, 8)).shape
        torch.Size([2, 3])
    """

    def __init__(self, channels: int, num_tasks: int, dropout: float) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(channels, channels),
            nn.ReLU(inplace=True),
            Dropout(dropout),
            nn.Linear(channels, num_tasks),
        )

    def reset_parameters(self) -> None:
        """Reinitialise all weights, as the second of two training stages does."""
        reset_parameters(self.mlp)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, ``[B, num_tasks]``, of graph vectors, ``[B, C]``."""
        out: Tensor = self.mlp(x)
        return out
