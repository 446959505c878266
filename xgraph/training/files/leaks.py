"""What weights to start from must not have learned before a run is scored."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from xgraph.training.config.parts import scored_parts

if TYPE_CHECKING:
    from xgraph.training.sources import Source

LEARNED = "learned"
"""Of a checkpoint's header: the items that its weights were trained on, as a bit each."""

_SAME = ("dataset", "num_items", "task_names")


def training_items(source: Source) -> Tensor:
    """A bit for each item of a data set, set in the training part. Bytes, shape [⌈n / 8⌉]."""
    trained = np.zeros(len(source), dtype=bool)
    trained[source.splits["train"].numpy()] = True
    return torch.from_numpy(np.packbits(trained))


def start_knowing(header: dict[str, Any], start: Mapping[str, Any], source: Source) -> None:
    """Warn if a run is scored on what the weights that it starts from have learned, and note that it knows this too."""
    settings = start.get("pretraining", {})
    learned = settings.get("objective") == "multitask" and not settings.get("exclude")
    if learned and source.name in start["dataset"].split("+"):
        warnings.warn(
            f"init: the encoder was pretrained on labels of {source.name!r} too, and nothing was excluded: the scores "
            f"of this run are too good; pretrain with --exclude {source.name}, or a part of it",
            stacklevel=3,
        )
    known = start.get(LEARNED)  # earlier versions did not say
    if known is None or settings or any(start[name] != header[name] for name in _SAME):
        return
    header[LEARNED] = header[LEARNED] | known
    bits = np.unpackbits(known.numpy(), count=len(source))
    for name in scored_parts(source.config):
        part = source.splits[name].numpy()
        if many := int(bits[part].sum()):
            warnings.warn(
                f"init: that run was trained on {many} of the {len(part)} {source.noun} of this one's {name} part: its "
                "scores are too good; start from a run with the same split, fold and seed that left them out",
                stacklevel=3,
            )
