"""What is known about the features of a bag after reading them once: a hash, moments, and whether they are finite."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from xgraph.data.bags.folder.opened import state_key
from xgraph.data.bags.folder.rows import FileRows
from xgraph.data.storage.store import Payload, cached

_VERSION = "bag-content-1"
_NAMES = ("digest", "unusable", "mean", "square")


class Content(NamedTuple):
    """A summary of the features of a bag.

    Args:
        digest: Hash of shape and numbers, whatever the format of the file.
        unusable: The first row with a number that is not finite; None if there is none.
        mean: Mean of each feature or image channel, float64.
        square: Sum of squared deviations from it, float64.
    """

    digest: str
    unusable: int | None
    mean: Tensor
    square: Tensor


def content_of(rows: FileRows, path: Path, root: Path | None) -> Content:
    """Summarise the features of a bag; the result is kept in the data root until the file changes."""
    payload = cached(root, "bag", state_key(path, _VERSION), lambda: _summarise(rows), _NAMES)
    unusable = int(payload["unusable"])
    mean, square = (torch.as_tensor(payload[name]) for name in ("mean", "square"))
    return Content(str(payload["digest"]), None if unusable < 0 else unusable, mean, square)


def _summarise(rows: FileRows) -> Payload:
    digest = hashlib.sha256(str(list(rows.shape)).encode())
    unusable = -1
    first, total, square = np.zeros((3, rows.shape[1]))
    for start in range(0, rows.shape[0], rows.limit):
        end = min(start + rows.limit, rows.shape[0])
        x = rows.take(np.arange(start, end))
        digest.update(x.data)
        if unusable < 0 and not np.isfinite(x).all():
            unusable = start + int((~np.isfinite(x)).reshape(len(x), -1).any(1).argmax())
        if unusable < 0:  # relative to the first row, so that the deviation of a constant feature is exactly 0
            first = first if start else x[0].reshape(x.shape[1], -1)[:, 0].astype(np.float64)
            away = np.subtract(x.reshape(*x.shape[:2], -1), first[:, None], dtype=np.float64)
            total += away.sum((0, 2))
            square += np.einsum("ijk,ijk->j", away, away)
    count = rows.shape[0] * int(np.prod(rows.shape[2:]))
    return {
        "digest": digest.hexdigest(),
        "unusable": str(unusable),
        "mean": torch.from_numpy(first + total / count),
        "square": torch.from_numpy(np.maximum(square - total * total / count, 0)),
    }
