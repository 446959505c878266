"""Reinitialised weights."""

from torch import nn


def reset_parameters(layers: nn.Module) -> None:
    """Reset all direct children of a module that can be reset."""
    for layer in layers.children():
        reset = getattr(layer, "reset_parameters", None)
        if callable(reset):
            reset()
