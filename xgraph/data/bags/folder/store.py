"""The instances of a folder of bags, of which only the rows of a batch are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Data

from xgraph.data.bags.folder.bag import Bag
from xgraph.data.bags.folder.content import Content
from xgraph.data.bags.folder.formats import DAMAGED
from xgraph.data.bags.folder.opened import OpenBags
from xgraph.data.bags.mapped_instances import Moments, Rows


class FolderStore(Rows):
    """Instances in one file per bag, numbered bag by bag.

    Args:
        paths: The files of the bags.
        sizes: Number of instances of each bag.
        shape: Shape of an instance.
        root: Data root, for arrays that have to be unpacked.
        contents: Summary of each bag; without it, the features are checked whenever they are read.
        located: Number of coordinates of the instances of each bag; 0 if it has none.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        sizes: Sequence[int],
        shape: tuple[int, ...],
        root: Path,
        contents: Sequence[Content] | None = None,
        located: Sequence[int] = (),
    ) -> None:
        self._shape = shape
        self.contents, self.located = contents, list(located)
        self.ptr = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        self.bags = OpenBags(paths, root)

    def __len__(self) -> int:
        return int(self.ptr[-1])

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one instance."""
        return self._shape

    def take(self, rows: Tensor) -> Data:
        """Return instances as `x`, float32 ``[n, ...]``, without scaling."""
        index = rows.numpy()
        bag = np.searchsorted(self.ptr, index, side="right") - 1
        out = np.empty((len(index), *self.shape), dtype=np.float32)
        begin = np.flatnonzero(np.diff(bag, prepend=-1))
        for first, last in zip(begin.tolist(), [*begin[1:].tolist(), len(index)], strict=True):
            number = int(bag[first])
            with self._reading(number) as file:
                chosen = index[first:last] - self.ptr[number]
                out[first:last] = file.rows.take(chosen)
                if self.contents is None and not np.isfinite(out[first:last]).all():
                    good = np.isfinite(out[first:last]).reshape(len(chosen), -1).all(1)
                    raise ValueError(f"row {chosen[good.argmin()]} of its features is not finite")
        return Data(x=torch.from_numpy(out))

    @contextmanager
    def _reading(self, number: int) -> Iterator[Bag]:
        """Open a bag that could be opened before."""
        path = self.bags.paths[number]
        try:
            bag = self.bags[number]
            if bag.rows.shape != (self.ptr[number + 1] - self.ptr[number], *self.shape):
                raise ValueError(f"the file has changed: its features now have shape {list(bag.rows.shape)}")
            yield bag
        except DAMAGED as error:
            raise ValueError(f"{path.name}: {error}") from error

    def coords(self, number: int) -> NDArray[Any] | None:
        """Return the coordinates of a bag's instances, ``[n, d]``, or None if it has none."""
        if not self.located[number]:
            return None
        with self._reading(number) as bag:
            return None if bag.read_coords is None else bag.read_coords()

    def moments(self, bags: Tensor) -> Moments | None:
        """Return the number of values of each feature in the bags, their means, and sums of squared deviations."""
        if self.contents is None:
            return None
        of = [self.contents[number] for number in bags.tolist()]
        values = np.diff(self.ptr)[bags.numpy()] * int(np.prod(self.shape[1:]))
        return torch.from_numpy(values), torch.stack([one.mean for one in of]), torch.stack([one.square for one in of])

    def digests(self) -> list[str] | None:
        """Return a hash of each bag's features, or None if they have not been read as a whole."""
        return None if self.contents is None else [one.digest for one in self.contents]
