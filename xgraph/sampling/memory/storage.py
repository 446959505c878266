"""Placement of a graph and its features in one of four kinds of storage."""

from dataclasses import dataclass

import torch
from torch import Tensor

from xgraph.sampling.memory.memory import GIB, csr, free_memory, memory_mapped, nbytes, page_locked
from xgraph.storage import Storage, check_storage

RESERVE = 0.05  # share of the free memory to leave for batches and kernels


@dataclass(frozen=True)
class Placement:
    """The device of the batches, and the storage of the graph and its features.

    ========== ============================= ============ =============================================
    `storage`  graph and features are in     sampled by   use it if
    ========== ============================= ============ =============================================
    "device"   the memory of `device`        `device`     they fit there; fastest
    "pinned"   page-locked host memory       `device`     they only fit in host memory
    "host"     host memory, not copied       the CPU      they cannot be page-locked, or the CPU is idle
    "mmap"     files on disk                 the CPU      they do not fit in host memory
    ========== ============================= ============ =============================================

    With "mmap", tensors that are already memory-mapped, such as a ``np.memmap``, stay in their file.

    On the CPU, "device", "pinned" and "host" are the same.

    Attributes:
        device: Device of the batches.
        storage: One of the four kinds of storage.

    Example:
        >>> place = Placement.of("cpu", "mmap")
        >>> place.sampling_device
        device(type='cpu')
        >>> place.put(torch.arange(3))
        tensor([0, 1, 2])
    """

    device: torch.device
    storage: Storage

    @classmethod
    def of(cls, device: str | torch.device = "cpu", storage: Storage = "device") -> "Placement":
        """Check the two arguments."""
        return cls(usable_device(device), check_storage(storage))

    @property
    def on_gpu(self) -> bool:
        """Whether batches go to a GPU."""
        return self.device.type == "cuda"

    @property
    def sampling_device(self) -> torch.device:
        """The device that samples."""
        return self.device if self.storage in ("device", "pinned") else torch.device("cpu")

    def put(self, tensor: Tensor) -> Tensor:
        """Return ``tensor`` in the storage; the tensor itself if it is already there."""
        if tensor.layout == torch.sparse_csr:
            crow, col, values = tensor.crow_indices(), tensor.col_indices(), tensor.values()
            return csr(self.put(crow), self.put(col), self.put(values), tensor.shape)
        if self.storage == "mmap":
            return memory_mapped(tensor)
        if self.storage == "device":
            return tensor.to(self.device)
        if self.storage == "pinned" and self.on_gpu:
            return page_locked(tensor, self.device)
        return tensor.cpu()

    def cost(self, tensor: Tensor) -> int:
        """Return how many bytes :meth:`put` allocates in the storage: 0 for a tensor that is already there."""
        return 0 if tensor.device == self.device else nbytes(tensor)

    def require(self, what: str, nbytes: int, free: int | None = None) -> None:
        """Raise an error if ``nbytes`` do not fit in the storage."""
        if not self.on_gpu or self.storage in ("host", "mmap"):
            return  # "host" copies nothing, and files only need disk space
        if self.storage == "pinned":
            free = free_memory(torch.device("cpu")) if free is None else free
            if nbytes > free:
                raise ValueError(
                    f"not enough host memory to page-lock {what}: {nbytes / GIB:.2f} GiB needed, "
                    f'{free / GIB:.2f} GiB free; use storage="host", which copies nothing, or "mmap"'
                )
            return
        free = free_memory(self.device) if free is None else free
        if nbytes > free * (1 - RESERVE):
            words = '"pinned" or "host"' if nbytes <= free_memory(torch.device("cpu")) else '"host" or "mmap"'
            raise ValueError(
                f"not enough memory on the GPU ({self.device}) for {what}: {nbytes / GIB:.2f} GiB needed, "
                f"{free / GIB:.2f} GiB free; use storage={words}"
            )


def usable_device(device: str | torch.device) -> torch.device:
    """Return ``device`` as a torch.device; raise an error unless it is the CPU or an available GPU."""
    if not isinstance(device, str | torch.device):
        raise TypeError(f"device must be a name like 'cpu' or 'cuda', got {device!r}")
    try:
        resolved = torch.device(device)
    except RuntimeError:
        raise ValueError(f"device must be 'cpu' or 'cuda', got {device!r}") from None
    if resolved.type not in ("cpu", "cuda"):
        raise ValueError(f"device must be 'cpu' or 'cuda', got {str(resolved)!r}")
    if resolved.type == "cuda":
        if not torch.cuda.is_available():
            raise ValueError(f"device must be 'cpu', got {str(resolved)!r}: torch finds no usable GPU on this machine")
        number = torch.cuda.current_device() if resolved.index is None else resolved.index
        if number >= torch.cuda.device_count():
            raise ValueError(f"device must be one of {torch.cuda.device_count()} GPUs, got {str(resolved)!r}")
        resolved = torch.device("cuda", number)
    return resolved
