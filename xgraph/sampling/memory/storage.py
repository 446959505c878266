"""Where a graph and its features lie, chosen by one word."""

from dataclasses import dataclass

import torch
from torch import Tensor

from xgraph.sampling.memory.memory import GIB, csr, free_memory, memory_mapped, nbytes, page_locked
from xgraph.storage import Storage, check_storage

RESERVE = 0.05  # of the free memory, left to batches and kernels when it is checked whether something fits


@dataclass(frozen=True)
class Placement:
    """Where tensors are put: a device for the batches, and a word for what they are taken from.

    ========== ============================= ============ =======================================
    `storage`  graph and features lie in     sampled by   use it when
    ========== ============================= ============ =======================================
    "device"   the memory of `device`        `device`     they fit there: the fastest
    "pinned"   page-locked host memory       `device`     they fit in host memory only
    "host"     host memory, where they are   the CPU      they cannot be page-locked, or the CPU is idle
    "mmap"     files on disk                 the CPU      they do not fit in host memory
    ========== ============================= ============ =======================================

    What is memory-mapped already, such as a ``np.memmap``, "mmap" leaves in the file where it is.

    On the CPU "device", "pinned" and "host" are the same.

    Attributes:
        device: Where batches go.
        storage: One of the four words.

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
        """Where the sampling runs."""
        return self.device if self.storage in ("device", "pinned") else torch.device("cpu")

    def put(self, tensor: Tensor) -> Tensor:
        """Return `tensor` where it is to lie; itself, if it is there already."""
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
        """Return how many bytes :meth:`put` takes of the memory in question: none for what is there already."""
        return 0 if tensor.device == self.device else nbytes(tensor)

    def require(self, what: str, nbytes: int, free: int | None = None) -> None:
        """Check that something fits where it is to lie."""
        if not self.on_gpu or self.storage in ("host", "mmap"):
            return  # a copy in host memory is not made; files are as large as the disk allows
        if self.storage == "pinned":
            free = free_memory(torch.device("cpu")) if free is None else free
            if nbytes > free:
                raise ValueError(
                    f"{what} are too large to be page-locked: need {nbytes / GIB:.2f} GiB of host memory, "
                    f'{free / GIB:.2f} GiB free; storage="host" fits, as it copies nothing, and so does "mmap"'
                )
            return
        free = free_memory(self.device) if free is None else free
        if nbytes > free * (1 - RESERVE):
            words = '"pinned" or "host"' if nbytes <= free_memory(torch.device("cpu")) else '"host" or "mmap"'
            raise ValueError(
                f"{what} are too large for the GPU ({self.device}): need {nbytes / GIB:.2f} GiB, "
                f"{free / GIB:.2f} GiB free; storage={words} fits"
            )


def usable_device(device: str | torch.device) -> torch.device:
    """Return `device`, checked: the CPU, or a GPU that is there."""
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
            raise ValueError(f"device: {str(resolved)!r} was asked for, but torch finds no usable GPU here; use 'cpu'")
        number = torch.cuda.current_device() if resolved.index is None else resolved.index
        if number >= torch.cuda.device_count():
            raise ValueError(f"device: {str(resolved)!r} was asked for, but there are {torch.cuda.device_count()} GPUs")
        resolved = torch.device("cuda", number)
    return resolved
