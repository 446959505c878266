"""An average of the weights over the last steps, to be scored in place of where the last step ended."""

import torch
from torch import nn


class AveragedWeights(nn.Module):
    """Exponential moving average of a model's weights and normalisation statistics."""

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
        """Forget what was averaged, and take a model as it is."""
        self.steps.zero_()
        for own, new in self._pairs(model):
            own.copy_(new)

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in the weights that a step led to."""
        self.steps += 1
        t = self.steps.double()  # on the model's device: no synchronisation
        weight = 1 - ((1 + t) / (10 + t)).clamp(max=self.decay)
        for own, new in self._pairs(model):
            if own.is_floating_point():
                own.lerp_(new, weight.to(own.dtype))
            else:  # counters
                own.copy_(new)

    def _pairs(self, model: nn.Module) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """What is averaged, and what it is an average of."""
        latest = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        own = {**dict(self.module.named_parameters()), **dict(self.module.named_buffers())}
        return [(tensor, latest[name]) for name, tensor in own.items()]
