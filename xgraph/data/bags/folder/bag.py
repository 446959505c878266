"""An open bag, and which arrays of a file belong to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from numpy.typing import NDArray

from xgraph.data.bags.folder.rows import FileRows

FEATURES = ("features", "feats", "feature", "embeddings", "x")
COORDS = ("coords", "coordinates", "coord", "locations", "pos")

Unpack = Callable[[str, Callable[[BinaryIO], None]], Path]
"""Called with a name and a function that writes an npy file; returns its path in the data root."""


class Bag(NamedTuple):
    """An open bag.

    Args:
        rows: The features.
        coords: Shape of the coordinates, if the file has any.
        read_coords: Returns them.
    """

    rows: FileRows
    coords: tuple[int, ...] | None = None
    read_coords: Callable[[], NDArray[Any]] | None = None

    @property
    def located(self) -> int:
        """Number of coordinates of an instance; 0 if there are none, or not for each instance."""
        fits = self.coords is not None and len(self.coords) == 2 and self.coords[0] == self.rows.shape[0]
        return self.coords[1] if fits and self.coords is not None else 0


def features_among(names: Iterable[str], known: tuple[str, ...], what: str) -> str:
    """Return the first known name, or the only one."""
    names = list(names)
    chosen = next((name for name in known if name in names), None)
    others = [name for name in names if name not in COORDS]
    if chosen is None and len(others) != 1:
        listed = ", ".join(map(repr, names[:10])) or "none"
        raise ValueError(f"expected {what} called {known[0]!r} (and 'coords'), but it holds {listed}")
    return others[0] if chosen is None else chosen
