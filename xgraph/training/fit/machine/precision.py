"""Mixed precision: which parts of training compute with 16-bit numbers."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Literal

from lightning.pytorch.plugins import MixedPrecision


class TrainingPrecision(MixedPrecision):
    """Autocast in training steps alone, so that validation gives the same figures as a later evaluation.

    The state of the gradient scaler of float16 is part of the checkpoints.
    """

    @contextmanager
    def val_step_context(self) -> Generator[None, None, None]:
        """Validate in float32."""
        yield


def plugins_of(precision: Literal["32", "bf16", "fp16"], device: str) -> list[Any]:
    """Return Lightning's plugins for a precision; none for float32."""
    if precision == "32":
        return []
    return [TrainingPrecision("bf16-mixed" if precision == "bf16" else "16-mixed", device)]
