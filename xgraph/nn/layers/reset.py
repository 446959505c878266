"""Reinitialisation of weights."""

from torch import nn


def reset_parameters(layers: nn.Module) -> None:
    """Call `reset_parameters` on every direct child that has it."""
    for layer in layers.children():
        reset = getattr(layer, "reset_parameters", None)
        if callable(reset):
            reset()
