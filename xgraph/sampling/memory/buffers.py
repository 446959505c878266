"""Host memory that batches give back."""

import sys
import threading
from collections.abc import Sequence
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SMALL = 2**20  # bytes up to which the C library keeps freed memory by itself
MOST = 4  # buffers kept by default: what the caller has, what is being made, and two that wait


class Buffers:
    """Hands out uninitialised CPU tensors, in memory whose former tensor is no longer in use."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self._blocks: list[NDArray[np.uint8]] = []
        self._lock = threading.Lock()

    def empty(self, size: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Return a tensor of any content."""
        nbytes = prod(size) * dtype.itemsize
        if nbytes <= SMALL:
            return torch.empty(size, dtype=dtype)
        # The tensor refers to the slice, and the slice to the block: so the block's references tell its use, and
        # a tensor that is saved takes its own bytes along, not the block's.
        return torch.from_numpy(self._block(nbytes)[:nbytes]).view(dtype).view(size)

    def _block(self, nbytes: int) -> NDArray[np.uint8]:
        with self._lock:
            for number in range(len(self._blocks)):
                # Two references: the list's and the call's own.
                if sys.getrefcount(self._blocks[number]) <= 2:
                    if self._blocks[number].size < nbytes:
                        self._blocks[number] = np.empty(0, dtype=np.uint8)  # freed before the larger one is made
                        self._blocks[number] = np.empty(nbytes + nbytes // 8, dtype=np.uint8)
                    return self._blocks[number]
            # An eighth more, as the next batch is a little larger or smaller.
            block = np.empty(nbytes + nbytes // 8, dtype=np.uint8)
            if len(self._blocks) < self.most:
                self._blocks.append(block)
            return block

    def __getstate__(self) -> dict[str, int]:
        return {"most": self.most}

    def __setstate__(self, state: dict[str, int]) -> None:
        self.__init__(**state)  # type: ignore[misc]
