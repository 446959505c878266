"""Losses and models by name."""

from typing import Any, Literal

PARTS: tuple[Literal["loss", "model"], ...] = ("loss", "model")
"""The components of a run that have their own options."""


def registry(part: Literal["loss", "model"]) -> dict[str, Any]:
    """Return the loss or model classes by name. Imports torch."""
    if part == "loss":
        from xgraph.losses import LOSSES

        return dict(LOSSES)
    from xgraph.nn import MODELS

    return dict(MODELS)
