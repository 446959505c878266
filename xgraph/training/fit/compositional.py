"""Compositional training: one objective that learns features by cross-entropy and minimises the loss on top of them."""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.func import functional_call

from xgraph.distributed import world_size
from xgraph.estimators import MovingAverage


class Compositional(nn.Module):
    """Scores of a model at the (averaged) weights after one inner step of cross-entropy.

    A loss of these scores has its gradient with respect to the model's own parameters.
    """

    def __init__(self, model: nn.Module, *, lr: float = 0.01, gamma: float = 0.9) -> None:
        super().__init__()
        if not 0 < lr < math.inf:
            raise ValueError(f"lr must be positive and finite, got {lr}")
        trained = list(_trained(model).values())
        if not trained:
            raise ValueError("model has no parameter that requires a gradient")
        self.lr = lr
        self.num_parameters = sum(w.numel() for w in trained)
        dtype = torch.float64 if any(w.dtype == torch.float64 for w in trained) else torch.float32
        self.track = MovingAverage(1, (self.num_parameters,), gamma, dtype=dtype, watch=False)  # weights have signs
        self.track.to(trained[0].device)

    def forward(self, model: nn.Module, inputs: Any, inner_loss: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the scores at the averaged weights u_t, differentiable in the model's own parameters."""
        weights = _trained(model)
        sizes = [w.numel() for w in weights.values()]
        if sum(sizes) != self.num_parameters:
            raise ValueError(
                f"model has {sum(sizes)} parameters that require a gradient, but {self.num_parameters} are tracked"
            )
        flat = torch.cat([w.reshape(-1).to(self.track.value.dtype) for w in weights.values()])
        after = self._tracked(flat - self.lr * self._inner_gradient(model, weights, inputs, inner_loss))
        parts = zip(weights.items(), torch.split(after, sizes), strict=True)
        scores: Tensor = functional_call(model, {n: p.view_as(w).to(w.dtype) for (n, w), p in parts}, (inputs,))
        return scores

    def extra_repr(self) -> str:
        """The settings."""
        return f"lr={self.lr:g}, gamma={self.track.gamma:g}, parameters={self.num_parameters}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.extra_repr()})"

    def _tracked(self, estimate: Tensor) -> Tensor:
        if not self.training:
            return estimate
        row = torch.zeros(1, dtype=torch.long, device=estimate.device)
        return self.track.step(estimate.unsqueeze(0), row, duplicates=False).squeeze(0)

    def _inner_gradient(
        self, model: nn.Module, weights: dict[str, Tensor], inputs: Any, inner_loss: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """Return ∇L_CE at w, flattened and detached."""
        fixed = {name: w.detach().requires_grad_() for name, w in weights.items()}
        buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
        # the small step would be lost to the rounding of 16 bits, and could overflow without a scaled loss
        with torch.autocast(self.track.value.device.type, enabled=False):
            loss = inner_loss(functional_call(model, {**fixed, **buffers}, (inputs,)))
        gradients = torch.autograd.grad(loss, list(fixed.values()), allow_unused=True)
        parts = [torch.zeros_like(w) if g is None else g for w, g in zip(fixed.values(), gradients, strict=True)]
        gradient = torch.cat([g.reshape(-1).to(self.track.value.dtype) for g in parts])
        if world_size() > 1:  # each process has the gradient of its own rows, times their number
            dist.all_reduce(gradient)
            gradient /= world_size()
        if not bool(gradient.isfinite().all()):
            raise ValueError("inner_loss: its gradient is not finite")
        return gradient


def _trained(model: nn.Module) -> dict[str, Tensor]:
    return {name: w for name, w in model.named_parameters() if w.requires_grad}
