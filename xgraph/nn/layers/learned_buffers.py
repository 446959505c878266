"""Buffers whose sizes come from what was learned."""

from typing import Any

from torch import Tensor, nn


class LearnedBuffers(nn.Module):
    """A module whose buffers get their sizes by learning: `load_state_dict` takes what it is given.

    A subclass says in `_misfit` what is wrong with buffers that do not belong together, as those of a damaged
    checkpoint.
    """

    def _misfit(self) -> str:
        """What is wrong with the buffers, if anything is."""
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
        if not error_msgs and not missing_keys and (misfit := self._misfit()):
            error_msgs.append(f"{prefix.removesuffix('.')}: {misfit}")
