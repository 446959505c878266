"""What all constraints share: the function that penalises a violation, checks of tensors, and the report."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar, Literal, Self, get_args

import torch
from torch import Tensor, nn

from xgraph.checks import LARGE, SMALL, choice, number
from xgraph.estimators import StateTable
from xgraph.losses.base import check_state
from xgraph.losses.batch import LIMIT

Kind = Literal["squared_hinge", "hinge", "smoothed_hinge"]


class PenaltyFunction:
    """f(g), which is 0 where the constraint g ≤ 0 is met: ½[g]₊², [g]₊, or the smoothed hinge g²/2ε, then g − ε/2."""

    def __init__(self, kind: Kind, epsilon: float) -> None:
        self.kind = choice("kind", kind, get_args(Kind))
        self.epsilon = number("epsilon", epsilon, SMALL, LARGE)

    def __call__(self, g: Tensor) -> Tensor:
        """Return f(g)."""
        over = g.relu()  # without a gradient at 0, where the constraint is met
        if self.kind == "squared_hinge":
            return over * over / 2
        if self.kind == "hinge":
            return over
        part = over.clamp_max(self.epsilon)
        return part / self.epsilon * (over - part / 2)

    def slope(self, g: Tensor) -> Tensor:
        """Return f'(g): the weight ξ of the constraint's gradient."""
        if self.kind == "squared_hinge":
            return g.clamp_min(0)
        if self.kind == "hinge":
            return (g > 0).to(g.dtype)
        return g.clamp(0, self.epsilon) / self.epsilon

    def __repr__(self) -> str:
        """Name the function, and ε where it has one."""
        return f"kind={self.kind}" + (f", epsilon={self.epsilon:g}" if self.kind == "smoothed_hinge" else "")


class Constraint(nn.Module):
    """Base class of the constraints: a penalty ρ · mean f(g_k) of tracked values g_k, and their report.

    Args:
        kind: The penalty function f: squared_hinge, hinge or smoothed_hinge.
        rho: Penalty parameter ρ.
        epsilon: Width ε of the smoothed hinge, in units of g.
    """

    sizes: ClassVar[str] = "the numbers of constraints"
    """What differs if a state of another size is loaded."""

    _constants: ClassVar[tuple[str, ...]] = ()
    """Buffers that stay in float32 or wider through ``.half()`` and the like, as the tables do."""

    skips_infinite = False
    """Whether input that is not finite gives an infinite penalty; see :func:`xgraph.estimators.skip_infinite`."""

    def __init__(self, kind: Kind, rho: float, epsilon: float) -> None:
        super().__init__()
        self.function = PenaltyFunction(kind, epsilon)
        self.rho = number("rho", rho, 0, LARGE, "(]")
        self.register_load_state_dict_pre_hook(check_state)  # type: ignore[no-untyped-call]

    def values(self) -> Tensor:
        """Return the tracked value of every constraint: above 0 is a violation, NaN has not been seen yet."""
        raise NotImplementedError

    def multipliers(self) -> Tensor:
        r"""Return :math:`λ_k = (ρ/m) f'(g_k)` of every constraint; NaN where it has not been seen yet.

        At a minimum of the penalised objective these are estimates of the Lagrange multipliers: how much the objective
        would fall per unit by which the constraint is relaxed.
        """
        values = self.values()
        return torch.where(values.isnan(), values, self.function.slope(values) * (self.rho / values.numel()))

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch (counted from 0) of the γ schedule; call it at the start of each epoch."""
        for module in self.modules():
            if isinstance(module, StateTable):
                module.set_epoch(epoch)

    def monitor(self) -> dict[str, float]:
        """Return figures to log during training.

        Returns:
            ``penalty``: ρ times the mean of f over the constraints seen so far; ``worst``: the largest tracked value;
            ``violated``: the share of the constraints seen so far whose value is above 0 (these three are NaN before
            the first batch); ``seen``: the share of all constraints that have been seen.
        """
        values = self.values()
        known = values[~values.isnan()]
        if not len(known):
            return {"penalty": math.nan, "worst": math.nan, "violated": math.nan, "seen": 0.0}
        return {
            "penalty": self.rho * self.function(known).mean().item(),
            "worst": known.max().item(),
            "violated": (known > 0).float().mean().item(),
            "seen": len(known) / values.numel(),
        }

    def extra_repr(self) -> str:
        """Describe the penalty."""
        return f"{self.function}, rho={self.rho:g}"

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        before = {name: getattr(self, name) for name in self._constants if getattr(self, name) is not None}
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, value in before.items():
            if getattr(self, name).dtype.itemsize < 4:
                setattr(self, name, value.to(getattr(self, name).device))
        return self

    def _check_devices(self, **tensors: Tensor | None) -> None:
        state = next(self.buffers()).device
        devices = {name: value.device for name, value in tensors.items() if isinstance(value, Tensor)}
        if {*devices.values()} - {state}:
            got = ", ".join(f"{name} on {device}" for name, device in devices.items())
            raise ValueError(
                f"all tensors must be on one device, got {got}, the constraint on {state}; move the constraint with "
                ".to(device)"
            )


def check_floats(name: str, values: object, dims: tuple[int, ...], shape: str) -> Tensor:
    """Return a tensor of floating-point numbers in float32 or wider, or raise if it is none or has another shape."""
    if not isinstance(values, Tensor) or not values.is_floating_point():
        got = values.dtype if isinstance(values, Tensor) else type(values).__name__
        raise TypeError(f"{name} must be a tensor of floating-point numbers, got {got}")
    if values.dim() not in dims:
        raise ValueError(f"{name} must have the shape {shape}, got {list(values.shape)}")
    return values.to(torch.promote_types(values.dtype, torch.float32))


def check_limit(name: str, values: Tensor, used: Tensor | None = None) -> None:
    """Raise for the first of the used values that is not finite or is beyond ±1e15."""
    wrong = (values.detach().abs() <= LIMIT).logical_not_()
    if used is not None:
        wrong &= used
    if bool(wrong.any()):
        place = wrong.nonzero()[0].tolist()
        value = values[tuple(place)].item()
        expected = f"lie within ±{LIMIT:g}" if math.isfinite(value) else "be finite"
        raise ValueError(f"{name} must {expected}, got {value} in row {place[0]}")
