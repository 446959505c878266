"""Where data lie: one vocabulary for graphs, their features, and tables of per-item state."""

from __future__ import annotations

from typing import Literal

Storage = Literal["device", "pinned", "host", "mmap"]

MEANINGS: dict[Storage, str] = {
    "device": "in the memory of the device that trains",
    "pinned": "in page-locked host memory, which a GPU reads by itself",
    "host": "in host memory, from which each batch's rows are copied to the device",
    "mmap": "in files on disk, memory-mapped",
}
"""Without a GPU, the first three are the same."""


def check_storage(value: object, name: str = "storage") -> Storage:
    """One of the four words; anything else is a ValueError, or a TypeError if it is no word at all."""
    if isinstance(value, str) and value in MEANINGS:
        return value
    kind = ValueError if isinstance(value, str) else TypeError
    meanings = "; ".join(f'"{word}": {meaning}' for word, meaning in MEANINGS.items())
    raise kind(f"{name} must be one of {', '.join(MEANINGS)}, got {value!r} ({meanings})")


def check_folder(folder: object, storage: Storage) -> None:
    """Only memory-mapped files lie in a folder."""
    if folder is not None and storage != "mmap":
        raise ValueError(f"folder is for storage='mmap', got storage={storage!r}")
