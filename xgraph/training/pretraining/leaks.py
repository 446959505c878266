"""What an encoder must not have learned before a run starts from it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xgraph.training.sources import Source


def warn_of_labels(header: Mapping[str, Any], source: Source) -> None:
    """Warn if an encoder was pretrained on all labels of a data set, those of its test part among them.

    Args:
        header: Header of the encoder's checkpoint.
        source: The data set of the run that starts from it.
    """
    settings = header.get("pretraining", {})
    learned = settings.get("objective") == "multitask" and not settings.get("exclude")
    if learned and source.name in header["dataset"].split("+"):
        warnings.warn(
            f"init: the encoder was pretrained on labels of {source.name!r} too, and nothing was excluded: the scores "
            f"of this run are too good; pretrain with --exclude {source.name}, or a part of it",
            stacklevel=3,
        )
