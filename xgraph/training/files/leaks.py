"""Warn when initial weights (`init`) were trained on items that the new run is scored on."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from xgraph.training.sources import Source

LEARNED = "learned"
"""Key in a checkpoint's header: the items that the weights were trained on, one bit per item."""

_SAME = ("dataset", "num_items", "task_names")


def training_items(source: Source) -> Tensor:
    """Return one bit per item of a data set, set for the training part, packed into bytes of shape [⌈n / 8⌉]."""
    trained = np.zeros(len(source), dtype=bool)
    trained[source.splits["train"].numpy()] = True
    return torch.from_numpy(np.packbits(trained))


def check_learned(header: Mapping[str, Any]) -> None:
    """Raise `ValueError`, with the reason alone, unless a header has one bit per item."""
    learned, size = header[LEARNED], -(-header["num_items"] // 8)
    if not (torch.is_tensor(learned) and learned.dtype == torch.uint8 and learned.shape == (size,)):
        raise ValueError(f"expected one bit per item in {LEARNED}")


def warn_of_leaks(header: dict[str, Any], start: Mapping[str, Any], source: Source) -> None:
    """Warn if the initial weights were trained on items that the run is scored on, and record these items.

    Args:
        header: Header of the new run's checkpoints; the items learned before are added to it.
        start: Header of the checkpoint that the run starts from.
        source: Data of the new run.
    """
    settings = start.get("pretraining", {})
    learned = settings.get("objective") == "multitask" and not settings.get("exclude")
    if learned and source.name in start["dataset"].split("+"):
        warnings.warn(
            f"init: the encoder was pretrained on the labels of {source.name!r}, so this run's scores are too "
            f"optimistic; pretrain with --exclude {source.name} (or a part of it)",
            stacklevel=3,
        )
    known = start.get(LEARNED)  # not recorded by earlier versions
    if known is None or settings or any(start[name] != header[name] for name in _SAME):
        return
    header[LEARNED] = header[LEARNED] | known
    bits = np.unpackbits(known.numpy(), count=len(source))
    for name in source.scored:
        part = source.splits[name].numpy()
        if many := int(bits[part].sum()):
            warnings.warn(
                f"init: the initial weights were trained on {many} of the {len(part)} {source.noun} in this run's "
                f"{name} part, so its scores are too optimistic; start from a run with the same split, fold and seed",
                stacklevel=3,
            )
