"""Losses and models by name."""

from typing import Any, Literal

PARTS: tuple[Literal["loss", "model"], ...] = ("loss", "model")
"""The parts of a run that have options of their own."""


def registry(part: Literal["loss", "model"]) -> dict[str, Any]:
    """The classes of the losses or models by name. Imports torch."""
    if part == "loss":
        from xgraph.losses import LOSSES

        return dict(LOSSES)
    from xgraph.nn import MODELS

    return dict(MODELS)
