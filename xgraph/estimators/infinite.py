"""Numbers that are not finite: skipped instead of refused, as training in float16 expects."""

from __future__ import annotations

import math
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

Module = TypeVar("Module", bound=nn.Module)


def skip_infinite(module: Module, enabled: bool = True) -> Module:
    """Let losses and tables skip a batch with numbers that are not finite, instead of raising an error.

    In float16, numbers beyond 65504 become infinite. ``torch.amp.GradScaler`` then expects infinite gradients: it
    skips the step and makes its scale smaller. So with this setting, a loss of logits that are not finite or beyond
    ±1e15 is infinite, with infinite gradients, and a table of feature momentum or pooling returns estimates that are
    not finite as they are. Nothing is written to any table in this case. Other mistakes, such as a wrong label, are
    still errors.

    Args:
        module: A loss or a model: the setting is made in all its parts that keep a table or compute a loss.
        enabled: False to make such numbers an error again.

    Returns:
        The module itself.

    Example:
        >>> from xgraph.losses import SOAPLoss
        >>> loss_fn = skip_infinite(SOAPLoss(num_items=100))
        >>> logits = torch.tensor([torch.inf, 0.5], requires_grad=True)
        >>> loss = loss_fn(logits, torch.tensor([1.0, 0.0]), torch.tensor([3, 7]))
        >>> loss.backward()
        >>> loss.item(), logits.grad.tolist(), loss_fn.monitor()["seen"]
        (inf, [inf, inf], 0.0)
    """
    for part in module.modules():
        if hasattr(type(part), "skips_infinite"):
            part.skips_infinite = enabled  # type: ignore[assignment]
    return module


def infinite(*values: Tensor) -> Tensor:
    """Return an infinite scalar, in float32 or wider, whose gradients with respect to `values` are infinite."""
    out: Tensor = _Infinite.apply(*values)  # type: ignore[no-untyped-call]
    return out


class _Infinite(torch.autograd.Function):
    @staticmethod
    def forward(*values: Tensor) -> Tensor:
        return values[0].new_full((), math.inf, dtype=torch.promote_types(values[0].dtype, torch.float32))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        return tuple(torch.full_like(value, math.inf) for value in ctx.saved_tensors)
