"""Checks of what a checkpoint holds, so that later code can rely on it."""

from collections.abc import Mapping
from types import NoneType
from typing import Any

import torch
from torch import Tensor

HEADER = "xgraph"

_HEADER_TYPES: dict[str, type] = {
    "version": str,
    "model": str,
    "model_options": dict,
    "model_arguments": dict,
    "loss": str,
    "config": dict,
    "kind": str,
    "dataset": str,
    "num_items": int,
    "task_names": list,
    "fingerprint": str,
    "featurizer": str,
    "standardize": bool,
}
_LATER_TYPES: dict[str, type | tuple[type, ...]] = {
    "loss_options": dict,
    "feature_names": (list, NoneType),
    "smiles_column": (str, NoneType),
    "instance_shape": list,
    "pretraining": dict,
}
"""Entries of the header that the first versions did not write."""

_STATE_TYPES: dict[str, type] = {"state_dict": dict, "epochs_done": int, "sampler": dict, "random_state": dict}
_DEEPEST, _MOST = 100, 20_000_000


def check_content(state: Mapping[str, Any]) -> None:
    """Raise `ValueError`, with the reason alone, if a checkpoint is incomplete or holds anything unusual."""
    header = state[HEADER]
    for part, types in ((header, _HEADER_TYPES), (state, _STATE_TYPES)):
        for name, kind in types.items():
            if not isinstance(part.get(name), kind):
                raise ValueError(f"expected {name} to be of type {kind.__name__}, got {type(part.get(name)).__name__}")
    for name, kinds in _LATER_TYPES.items():
        if name in header and not isinstance(header[name], kinds):
            raise ValueError(f"{name} is of type {type(header[name]).__name__}, which is not expected")
    for name in ("task_names", "feature_names"):
        if not all(isinstance(one, str) for one in header.get(name) or []):
            raise ValueError(f"expected {name} to be strings")
    for name in ("config", "model_options", "model_arguments"):
        if not all(isinstance(key, str) for key in header[name]):
            raise ValueError(f"expected the names in {name} to be strings")
    if not all(isinstance(n, str) and isinstance(w, Tensor) for n, w in state["state_dict"].items()):
        raise ValueError("some of its weights are not tensors")
    _check_values(state)


def _check_values(state: Mapping[str, Any]) -> None:
    """Refuse values that are nested without end, and tensors that are larger than the numbers they are made of."""
    seen = 0
    waiting: list[tuple[Any, int]] = [(state, 0)]
    while waiting:
        value, depth = waiting.pop()
        seen += 1
        if depth > _DEEPEST or seen > _MOST:
            raise ValueError("its values are nested without end")
        if isinstance(value, Mapping):
            waiting += [(one, depth + 1) for one in value.values()]
        elif isinstance(value, list | tuple):
            waiting += [(one, depth + 1) for one in value]
        elif isinstance(value, Tensor) and _is_stretched(value):
            raise ValueError(f"a tensor of shape {list(value.shape)} is larger than its numbers")


def _is_stretched(tensor: Tensor) -> bool:
    """Whether a tensor repeats its numbers, so that a copy is larger than its file."""
    if tensor.layout != torch.strided:
        return False
    return tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes()
