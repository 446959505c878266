"""The autograd function of all reductions of pairs."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor


class Plan(Protocol):
    """Computes a reduction of the pairs of a batch, and afterwards its derivative."""

    def value(self, scores: Tensor) -> Tensor:
        """Compute the reduction of ``[B, T]`` scores: ``[R]`` or ``[K, R]``."""

    def derivative(self, scores: Tensor, grad: Tensor) -> Tensor:
        """Compute the derivative in the scores, ``[B, T]``; ``grad`` has the shape of the value."""


def reduce(scores: Tensor, plan: Plan) -> Tensor:
    """Return the plan's value, differentiable once in the scores."""
    # a function for torch.func looks up its signature at each call, which takes longer than a small batch
    function = _Transformed if torch._C._are_functorch_transforms_active() else _Reduce
    result: Tensor = function.apply(scores, plan)  # type: ignore[no-untyped-call]
    return result


class _Reduce(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, scores: Tensor, plan: Plan) -> Tensor:
        ctx.save_for_backward(scores)  # a plan may hold views of the scores: this detects in-place changes
        ctx.plan = plan
        return plan.value(scores)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError(ONCE)
        (scores,) = ctx.saved_tensors
        return ctx.plan.derivative(scores, grad), None


class _Transformed(torch.autograd.Function):
    """The same for the transforms of torch.func, which always build a graph of the derivative."""

    @staticmethod
    def forward(scores: Tensor, plan: Plan) -> Tensor:
        return plan.value(scores)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Plan], output: Tensor) -> None:
        scores, ctx.plan = inputs
        ctx.save_for_backward(scores)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (scores,) = ctx.saved_tensors
        result: Tensor = _Slope.apply(scores, grad, ctx.plan)  # type: ignore[no-untyped-call]
        return result, None


class _Slope(torch.autograd.Function):
    """The derivative, which has none of its own."""

    @staticmethod
    def forward(scores: Tensor, grad: Tensor, plan: Plan) -> Tensor:
        return plan.derivative(scores, grad)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Plan], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        raise RuntimeError(ONCE)


ONCE = "pairwise losses can only be differentiated once: do not use create_graph=True"
