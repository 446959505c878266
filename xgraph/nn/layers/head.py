"""The output head: vectors to logits."""

from torch import Tensor, nn

from xgraph.nn.layers.dropout import Dropout
from xgraph.nn.layers.reset import reset_parameters


class Head(nn.Module):
    """The output head of a model: it maps vectors ``[B, C]`` of graphs or nodes to logits ``[B, num_tasks]``.

    The layers are linear, ReLU, dropout, linear.

    Args:
        channels: Size C of the input vectors and of the hidden layer.
        num_tasks: Number of logits per item.
        dropout: Probability of zeroing a hidden element.

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
        """Reinitialise all weights, for example before fine-tuning a pretrained encoder."""
        reset_parameters(self.mlp)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits ``[B, num_tasks]`` for vectors ``[B, C]``."""
        out: Tensor = self.mlp(x)
        return out
