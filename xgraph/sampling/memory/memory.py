"""Memory of host, GPU and disk: free space, and tensors stored in it."""

import mmap
import os
import tempfile
import warnings

import numpy as np
import torch
from torch import Tensor

GIB = 2**30


def free_memory(device: torch.device) -> int:
    """Return the free memory of a device in bytes, including memory that torch has reserved but not used."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device))
    try:
        with open("/proc/meminfo") as lines:
            available = next(line for line in lines if line.startswith("MemAvailable:"))
        return int(available.split()[1]) * 1024
    except (
        OSError,
        StopIteration,
    ):  # not Linux: use the installed memory, because the standard library reports no more
        try:
            return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        except (AttributeError, ValueError, OSError):
            return 2**63 - 1  # unknown: accept everything


def nbytes(tensor: Tensor) -> int:
    """Return the size of a tensor in bytes, dense or sparse CSR."""
    if tensor.layout == torch.sparse_csr:
        return sum(nbytes(part) for part in (tensor.crow_indices(), tensor.col_indices(), tensor.values()))
    return tensor.numel() * tensor.element_size()


def csr(crow: Tensor, col: Tensor, values: Tensor, size: tuple[int, ...]) -> Tensor:
    """Return a sparse CSR tensor of parts known to be valid, without torch's warnings."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta state")
        return torch.sparse_csr_tensor(crow, col, values, size=size, check_invariants=False)


def page_locked(tensor: Tensor, device: torch.device) -> Tensor:
    """Return a GPU tensor backed by page-locked host memory."""
    if tensor.device == device or tensor.numel() == 0:
        return tensor.to(device)
    with torch.cuda.device(device):
        held = tensor.cpu().contiguous().pin_memory()
        seen = torch.as_tensor(_HostMemory(held), device=device)
    if seen.data_ptr() != held.data_ptr():
        raise ValueError(f'storage="pinned": {device} cannot read page-locked host memory; use storage="host"')
    return seen.view(tensor.dtype).view(tensor.shape)


class _HostMemory:
    """Page-locked bytes as a CUDA array; host and GPU share one address space, so the address is the same."""

    def __init__(self, held: Tensor) -> None:
        self.held = held  # torch keeps a reference to this object while the tensor exists
        size = (held.numel() * held.element_size(),)
        self.__cuda_array_interface__ = {
            "shape": size,
            "typestr": "|u1",
            "data": (held.data_ptr(), False),
            "version": 2,
        }


def is_memory_mapped(tensor: Tensor) -> bool:
    """Return whether a tensor is stored in a file on disk; False if the system does not report it."""
    if tensor.device.type != "cpu":
        return False
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                extent, _, _, _, inode, *path = line.split(maxsplit=5)
                begin, end = (int(bound, 16) for bound in extent.split("-"))
                if begin <= tensor.data_ptr() < end:
                    # Memory shared between processes has a file name too, but is not on disk.
                    return inode != "0" and not path[0].startswith(("/dev/shm/", "/memfd:", "/dev/zero", "/SYSV"))
    except OSError:  # not Linux
        pass
    return False


def memory_mapped(tensor: Tensor) -> Tensor:
    """Return a dense tensor stored in a file; a tensor that already is (such as a ``np.memmap``) is returned as is."""
    if tensor.numel() == 0 or is_memory_mapped(tensor):
        return tensor.cpu()  # an empty file cannot be mapped
    source = tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy()
    try:
        # The file has no name, or loses it when closed, so nothing is left behind, even after a crash.
        with tempfile.TemporaryFile(prefix="xgraph-") as file:
            source.tofile(file)
            file.flush()
            array = np.memmap(file, dtype=np.uint8, mode="r+", shape=source.shape)
    except OSError as error:
        raise ValueError(
            f'storage="mmap": cannot write {source.nbytes / GIB:.2f} GiB to {tempfile.gettempdir()} '
            f"({error.strerror or error}); set the environment variable TMPDIR to a folder with enough free space"
        ) from error
    pages = getattr(array, "_mmap", None)
    if pages is not None and hasattr(mmap, "MADV_RANDOM"):
        pages.madvise(mmap.MADV_RANDOM)  # rows are read in random order, so reading ahead is useless
    return torch.from_numpy(array).view(tensor.dtype).view(tensor.shape)
