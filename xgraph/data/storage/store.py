"""A cache of results on disk: one file per result, written atomically, verified and memory-mapped.

A file is written by `torch.save`, read with `weights_only=True` (so it cannot execute code) and contains a checksum of
its content. Its name is a hash of everything that the content depends on, so it never goes stale. If a file is damaged,
the disk is full or the folder is read-only, the result is computed and used from memory, with a warning.
"""

from __future__ import annotations

import hashlib
import json
import warnings
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from xgraph.data.storage.root import replacing
from xgraph.messages import legible

FORMAT = 2  # increase it when the content of any payload changes: files of other formats are ignored
Payload: TypeAlias = dict[str, Tensor | str]


class CacheWarning(UserWarning):
    """A processed data set could not be read from or written to the data root."""


def content_key(texts: Iterable[str], *depends: object) -> str:
    """Return a name for a result that depends on these strings, in this order, and on the other values."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    digest = hashlib.sha256(json.dumps([FORMAT, *map(str, depends)]).encode())
    digest.update(np.array([len(text) for text in encoded], dtype=np.int64).tobytes())
    digest.update(b"".join(encoded))
    return digest.hexdigest()


def cached(root: Path | None, kind: str, key: str, build: Callable[[], Payload], names: Sequence[str] = ()) -> Payload:
    """Return the payload stored under this key, memory-mapped; if there is none, build it and try to store it."""
    if root is None:
        return build()
    path = root / "processed" / f"{kind}-{key[:40]}.pt"
    if path.exists():
        try:
            return _read(path, key, names)
        except Exception as error:  # torch raises many types for a damaged or hostile file
            reason = legible(" ".join(str(error).split()), 120)
            warnings.warn(f"{path} is damaged ({reason}) and is computed again", CacheWarning, stacklevel=3)
    payload = build()
    try:
        with replacing(path) as file:
            torch.save({"key": key, "checksum": _checksum(payload), "payload": payload}, file)
        return _read(path, key, names)
    except (OSError, RuntimeError) as error:  # torch's writer turns a full disk into a RuntimeError
        reason = str(error) if isinstance(error, OSError) else f"cannot write {path}: {error}"
        warnings.warn(f"processed data are kept in memory only: {reason}", CacheWarning, stacklevel=3)
        return payload


def _checksum(payload: Payload) -> int:
    total = 0
    for name in sorted(payload):
        value = payload[name]
        total = zlib.crc32(name.encode(), total)
        if isinstance(value, Tensor):
            total = zlib.crc32(f"{value.dtype}{tuple(value.shape)}".encode(), total)
            total = zlib.crc32(value.contiguous().view(-1).view(torch.uint8).numpy().data, total)
        else:
            total = zlib.crc32(value.encode(), total)
    return total


def _read(path: Path, key: str, names: Sequence[str]) -> Payload:
    content = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    payload: Payload = content["payload"]
    if content["key"] != key or content["checksum"] != _checksum(payload):
        raise ValueError("its content does not match its checksum")
    if names and set(payload) != set(names):
        raise ValueError(f"it holds {', '.join(sorted(payload))} instead of {', '.join(sorted(names))}")
    return payload
