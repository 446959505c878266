"""One row of numbers per item, on the device, in host memory or on disk."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from xgraph.checks import integer
from xgraph.estimators.storage import gather, host_rows, scatter
from xgraph.storage import Storage, check_folder, check_storage

WIDE = (torch.float32, torch.float64)


class RowStore(nn.Module):
    """The storage of a :class:`StateTable`: its rows, which of them have been seen, and how both are saved.

    Rows have the type ``dtype`` and keep it under autocast and ``.half()``; float32 rows follow ``.double()``. If the
    rows are not on the device, the CPU gathers a batch's rows, copies them to the batch's device and writes them back;
    only ``seen`` and ``stuck`` move with the module. A deep copy or an unpickled table has its own rows in the same
    kind of storage.
    """

    value: Tensor
    seen: Tensor

    _kept: tuple[str, ...] = ("value", "seen")
    """Names of the tensors that a checkpoint holds."""

    def __init__(
        self,
        num_items: int,
        shape: tuple[int, ...],
        dtype: torch.dtype,
        storage: Storage,
        folder: str | Path | None,
        in_checkpoint: bool,
    ) -> None:
        super().__init__()
        if not dtype.is_floating_point:
            raise TypeError(f"dtype must be a floating-point type, got {dtype}")
        self.num_items = integer("num_items", num_items)
        self.shape = tuple(shape)
        self.storage = check_storage(storage)
        check_folder(folder, storage)
        self.folder = folder
        self.in_checkpoint = in_checkpoint
        if storage == "device":
            value = torch.zeros(self.num_items, *self.shape, dtype=dtype)
            self.register_buffer("value", value, persistent=in_checkpoint)
        else:
            self.value = self._new_rows(dtype)
        self.register_buffer("seen", torch.zeros(num_items, dtype=torch.bool), persistent=in_checkpoint)

    def _new_rows(self, dtype: torch.dtype) -> Tensor:
        """Create rows that are not on the device."""
        return host_rows((self.num_items, *self.shape), dtype, self.storage, self.folder)

    def _get(self, index: Tensor) -> Tensor:
        """Return the rows of ``index``, ``[B, *shape]``, on its device."""
        return self.value.index_select(0, index) if self.storage == "device" else gather(self.value, index)

    def _put(self, index: Tensor, new: Tensor) -> None:
        """Overwrite the rows of ``index``. Values beyond the range of a 16-bit type are clamped, not made infinite."""
        dtype = self.value.dtype
        if dtype.itemsize < 4:
            limit = torch.finfo(dtype).max
            new = new.clamp(-limit, limit)
        new = new if new.dtype == dtype else new.to(dtype)
        if self.storage == "device":
            self.value.index_copy_(0, index, new)
        else:
            scatter(self.value, index, new)
        self.seen.index_fill_(0, index, True)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Follow device changes and ``.double()``, but keep the storage type through ``.half()`` and the like."""
        before = self.value
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        dtype = self.value.dtype if self.storage == "device" else fn(before.new_empty(0)).dtype
        if dtype == before.dtype:
            return self
        wide = before.dtype in WIDE and dtype in WIDE
        if self.storage != "device":
            self.value = self._new_rows(dtype).copy_(before) if wide else before
        elif not wide:
            self.value = before.to(self.value.device)
        return self

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        if self.storage != "device" and self.in_checkpoint:
            destination[prefix + "value"] = self.value
        super()._save_to_state_dict(destination, prefix, keep_vars)

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],  # a copy
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        if not self.in_checkpoint:
            for name in self._kept:
                state_dict.pop(prefix + name, None)
        elif self.storage != "device":
            name = prefix + "value"
            loaded = state_dict.pop(name, None)
            if loaded is None:
                missing_keys.append(name)
            elif loaded.shape != self.value.shape:
                error_msgs.append(
                    f"size mismatch for {name}: copying a param with shape {loaded.shape} from checkpoint, "
                    f"the shape in current model is {self.value.shape}."
                )
            else:
                self.value.copy_(loaded)
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )

    def __copy__(self) -> Self:
        """Return a shallow copy, which shares the rows."""
        new = type(self).__new__(type(self))
        new.__dict__.update(self.__dict__)
        return new

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return a copy with its own rows in the same kind of storage."""
        new = type(self).__new__(type(self))
        memo[id(self)] = new
        if self.storage != "device":
            memo[id(self.value)] = self._new_rows(self.value.dtype).copy_(self.value)
        new.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return new

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        if self.storage != "device":
            self.value = self._new_rows(self.value.dtype).copy_(self.value)
