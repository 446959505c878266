"""Buffers whose sizes are only known after fitting."""

from typing import Any

from torch import Tensor, nn


class LearnedBuffers(nn.Module):
    """A module whose buffers get their sizes when it is fitted: `load_state_dict` accepts buffers of any size.

    A subclass overrides `_inconsistency` to reject buffers that do not fit together, such as those of a damaged
    checkpoint.
    """

    def _inconsistency(self) -> str:
        """Describe what is wrong with the buffers; empty if nothing is."""
        return ""

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        for name, own in self._buffers.items():
            new = state_dict.get(prefix + name)
            if own is not None and isinstance(new, Tensor) and new.dim() == own.dim():
                self._buffers[name] = own.new_empty(new.shape)
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )
        if not error_msgs and not missing_keys and (problem := self._inconsistency()):
            error_msgs.append(f"{prefix.removesuffix('.')}: {problem}")
