"""Names for where data is stored, shared by graphs, their features, and tables of per-item state."""

from __future__ import annotations

from typing import Literal

Storage = Literal["device", "pinned", "host", "mmap"]

MEANINGS: dict[Storage, str] = {
    "device": "in the memory of the training device",
    "pinned": "in page-locked host memory, which a GPU reads directly",
    "host": "in host memory; each batch's rows are copied to the device",
    "mmap": "in memory-mapped files on disk",
}
"""What each name means. Without a GPU, the first three are the same."""


def check_storage(value: object, name: str = "storage") -> Storage:
    """Return `value` if it is a kind of storage; raise ValueError for another string, TypeError for another type."""
    if isinstance(value, str) and value in MEANINGS:
        return value
    kind = ValueError if isinstance(value, str) else TypeError
    meanings = "; ".join(f'"{word}": {meaning}' for word, meaning in MEANINGS.items())
    raise kind(f"{name} must be one of {', '.join(MEANINGS)}, got {value!r} ({meanings})")


def check_folder(folder: object, storage: Storage) -> None:
    """Raise if a folder is given for storage other than memory-mapped files."""
    if folder is not None and storage != "mmap":
        raise ValueError(f"folder is only used with storage='mmap', got storage={storage!r}")
