"""An average of the weights over the last steps, to be scored in place of where the last step ended."""

import torch
from torch import nn


class AveragedWeights(nn.Module):
    r"""Exponential moving average of a model's weights and normalisation statistics.

    .. math:: u_t = d_t u_{t-1} + (1 - d_t) w_t, \qquad d_t = \min(d, (1 + t) / (10 + t))

    Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992, with exponential weights and a
    smaller decay in the first steps. Where few items select the epoch, it spares the choice much of its luck: the
    weights of a single step go up and down, their average does not. Tables of nodes or bags serve training and are
    not averaged.

    Args:
        model: A model like the one that trains, to hold the average; it may be without tables.
        decay: d, in (0, 1). About 1 / (1 - d) steps are averaged.

    Example:
        >>> model = nn.Linear(1, 1, bias=False)
        >>> average = AveragedWeights(nn.Linear(1, 1, bias=False), decay=0.5)
        >>> nn.init.zeros_(model.weight), average.restart(model)  # doctest: +ELLIPSIS
        (Parameter containing:...
        >>> nn.init.ones_(model.weight), average.update(model)  # doctest: +ELLIPSIS
        (Parameter containing:...
        >>> round(average.module.weight.item(), 4)  # d_1 = 2 / 11
        0.8182
    """

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
        """Forget what was averaged, and take a model as it is.

        Args:
            model: The model that trains.
        """
        self.steps.zero_()
        for own, new in self._pairs(model):
            own.copy_(new)

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in the weights that a step led to.

        Args:
            model: The model that trains.
        """
        self.steps += 1
        t = self.steps.double()  # where the model is: the step is not waited for
        weight = 1 - ((1 + t) / (10 + t)).clamp(max=self.decay)
        for own, new in self._pairs(model):
            if own.is_floating_point():
                own.lerp_(new, weight.to(own.dtype))
            else:  # counters
                own.copy_(new)

    def _pairs(self, model: nn.Module) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """What is averaged, and what it is an average of."""
        there = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        own = {**dict(self.module.named_parameters()), **dict(self.module.named_buffers())}
        return [(tensor, there[name]) for name, tensor in own.items()]
