"""An exponential moving average of the weights, which is scored in place of the weights of the last step."""

import torch
from torch import nn


class AveragedWeights(nn.Module):
    """The exponential moving average of a model's weights and normalisation statistics."""

    steps: torch.Tensor

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__()
        self.module = model.requires_grad_(False).eval()
        self.decay = decay
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def train(self, mode: bool = True) -> "AveragedWeights":
        """Stay in evaluation mode: the average is never trained."""
        return super().train(False)

    @torch.no_grad()
    def restart(self, model: nn.Module) -> None:
        """Restart the average from a model's current weights."""
        self.steps.zero_()
        for own, new in self._pairs(model):
            own.copy_(new)

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Update the average with a model's current weights."""
        self.steps += 1
        t = self.steps.double()  # on the model's device: no synchronisation
        weight = 1 - ((1 + t) / (10 + t)).clamp(max=self.decay)
        for own, new in self._pairs(model):
            if own.is_floating_point():
                own.lerp_(new, weight.to(own.dtype))
            else:  # counters
                own.copy_(new)

    def _pairs(self, model: nn.Module) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Return pairs of averaged and current tensors."""
        latest = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        own = {**dict(self.module.named_parameters()), **dict(self.module.named_buffers())}
        return [(tensor, latest[name]) for name, tensor in own.items()]
