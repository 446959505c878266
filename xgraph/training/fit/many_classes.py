"""Losses that read a sample of the classes: what the last layer reads, and when they are worth it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from xgraph.losses import CrossEntropyLoss, ScentLoss
from xgraph.nn import Head

if TYPE_CHECKING:
    from xgraph.losses import Loss

EXACT_BELOW = 10_000
"""With fewer classes, exact cross-entropy is more accurate, and a step hardly slower (`benchmarks.many_classes`)."""


def exact_if_few(loss: Loss, smoothing: float) -> Loss:
    """Replace a loss of a sample of the classes by exact cross-entropy if there are few of them, and warn."""
    if not isinstance(loss, ScentLoss) or loss.num_classes >= EXACT_BELOW:
        return loss
    warnings.warn(
        f"loss 'scent': exact cross-entropy is used, as with --loss ce, since there are {loss.num_classes} classes: "
        f"below {EXACT_BELOW:,} it is more accurate than a sample of them, in about the same time",
        stacklevel=2,
    )
    return CrossEntropyLoss(loss.num_items, loss.num_classes, label_smoothing=smoothing)


def before_last_layer(model: Any, batch: Any) -> tuple[Tensor, nn.Linear] | None:
    """Return what a model's last layer reads, ``[B, C]``, and the layer; None if its scores are not made by one."""
    head = model.head
    if model.kind != "bag" and isinstance(head, Head):
        hidden: Tensor = head.mlp[:-1](model.embed(batch))
        last = head.mlp[-1]
        return (hidden, last) if isinstance(last, nn.Linear) else None
    if model.kind != "bag" and isinstance(head, nn.Linear):
        return model.embed(batch), head
    return None
