"""The virtual node: a node connected to all nodes of its graph."""

from torch import Tensor, nn

from xgraph.nn.layers.dropout import Dropout
from xgraph.nn.layers.norm import BatchNorm
from xgraph.nn.layers.reset import reset_parameters
from xgraph.nn.molecules.readout import readout


class VirtualNode(nn.Module):
    r"""Updates the vector of each graph's virtual node: :math:`s' = \mathrm{MLP}(s + \sum_{v} h_v)`.

    The MLP has two blocks of linear, batch normalisation and ReLU, with a hidden layer of twice the channels. From
    Gilmer et al., "Neural Message Passing for Quantum Chemistry", ICML 2017, in the form used by the Open Graph
    Benchmark.

    Args:
        channels: Size of the vectors.
        dropout: Dropout probability of the new vector.

    Example:
        >>> import torch
        >>> update = VirtualNode(8, dropout=0.0)
        >>> update(torch.zeros(2, 8), torch.randn(5, 8), torch.tensor([0, 0, 1, 1, 1])).shape
        torch.Size([2, 8])
    """

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(channels, 2 * channels, bias=False),
            BatchNorm(2 * channels),
            nn.ReLU(inplace=True),
            nn.Linear(2 * channels, channels, bias=False),
            BatchNorm(channels),
            nn.ReLU(inplace=True),
            Dropout(dropout),
        )

    def reset_parameters(self) -> None:
        """Reinitialise all weights."""
        reset_parameters(self.mlp)

    def forward(self, state: Tensor, x: Tensor, graph: Tensor) -> Tensor:
        """Return the new vectors of the virtual nodes, ``[B, channels]``.

        Args:
            state: Current vectors of the virtual nodes. Shape ``[B, channels]``.
            x: Node vectors. Shape ``[N, channels]``.
            graph: Graph of each node. Shape ``[N]``.
        """
        out: Tensor = self.mlp(state + readout(x, graph, state.size(0), "sum"))
        return out
