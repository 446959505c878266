"""Several MLPs of the library side by side, one per task: the same numbers as one by one, three times as fast."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xgraph.nn import MLP
from xgraph.nn.layers.dropout import Dropout


class Replicas(nn.Module):
    """K networks of one hidden layer with batch normalisation; they share nothing.

    The k-th column of the logits depends on the k-th network and the k-th features only, so K times a loss that is a
    mean over columns gives each network the gradient that it would have alone, and Adam treats each weight alone.
    """

    mean: Tensor
    var: Tensor

    def __init__(self, models: Sequence[MLP]) -> None:
        super().__init__()
        linear, norm = models[0].features[0], models[0].features[1]
        if len(models[0].features) != 4 or not isinstance(norm, nn.BatchNorm1d) or linear.bias is not None:
            raise ValueError(f"expected one hidden layer with batch normalisation, got {models[0]}")
        self.momentum, self.eps, self.dropout = norm.momentum, norm.eps, Dropout(models[0].dropout)

        def stacked(place: str) -> Tensor:
            return torch.stack([model.state_dict()[place] for model in models])

        self.weight = nn.Parameter(stacked("features.0.weight"))
        self.scale, self.shift = (nn.Parameter(stacked(f"features.1.{name}")) for name in ("weight", "bias"))
        self.head, self.bias = nn.Parameter(stacked("head.weight")), nn.Parameter(stacked("head.bias"))
        self.register_buffer("mean", stacked("features.1.running_mean"))
        self.register_buffer("var", stacked("features.1.running_var"))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, ``[B, K]``, of standardised features, ``[K, B, F]``."""
        hidden = torch.bmm(self.weight, x.transpose(1, 2))  # [K, H, B]
        flat = F.batch_norm(
            hidden.view(1, -1, hidden.size(2)),
            self.mean.view(-1),
            self.var.view(-1),
            self.scale.view(-1),
            self.shift.view(-1),
            self.training,
            self.momentum,
            self.eps,
        )
        kept = self.dropout(flat.relu_())
        return (torch.bmm(self.head, kept.view_as(hidden)).squeeze(1) + self.bias).t()

    def reset_head(self) -> None:
        """Give each network a new output layer, as `xgraph train` does before a second stage."""
        with torch.no_grad():
            for weight, bias in zip(self.head, self.bias, strict=True):
                new = nn.Linear(weight.size(1), 1)
                weight.copy_(new.weight)
                bias.copy_(new.bias)
