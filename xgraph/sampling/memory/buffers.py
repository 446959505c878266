"""Reusable host memory for batches."""

import sys
import threading
from collections.abc import Sequence
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SMALL = 2**20  # up to this many bytes, the C library reuses freed memory by itself
MOST = 4  # default number of buffers: the caller's batch, the one being prepared, and two that wait


class Buffers:
    """Allocates uninitialised CPU tensors and reuses the memory of tensors that are no longer in use."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self._blocks: list[NDArray[np.uint8]] = []
        self._lock = threading.Lock()

    def empty(self, size: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Return an uninitialised tensor."""
        nbytes = prod(size) * dtype.itemsize
        if nbytes <= SMALL:
            return torch.empty(size, dtype=dtype)
        # The tensor refers to the slice, and the slice to the block. So the block's reference count shows whether it
        # is in use, and saving a tensor stores its own bytes, not those of the whole block.
        return torch.from_numpy(self._block(nbytes)[:nbytes]).view(dtype).view(size)

    def _block(self, nbytes: int) -> NDArray[np.uint8]:
        with self._lock:
            for number in range(len(self._blocks)):
                # Two references: from the list and from this call.
                if sys.getrefcount(self._blocks[number]) <= 2:
                    if self._blocks[number].size < nbytes:
                        self._blocks[number] = np.empty(0, dtype=np.uint8)  # free it before allocating the larger one
                        self._blocks[number] = np.empty(nbytes + nbytes // 8, dtype=np.uint8)
                    return self._blocks[number]
            # Allocate an eighth more, because the next batch may be slightly larger.
            block = np.empty(nbytes + nbytes // 8, dtype=np.uint8)
            if len(self._blocks) < self.most:
                self._blocks.append(block)
            return block

    def __getstate__(self) -> dict[str, int]:
        return {"most": self.most}

    def __setstate__(self, state: dict[str, int]) -> None:
        self.__init__(**state)  # type: ignore[misc]
