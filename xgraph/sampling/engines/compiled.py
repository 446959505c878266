"""Compilation of the CPU sampler's loops, and compiled functions for random words.

All numbers are int64, because numba converts a sum of int64 and uint64 to a float.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

from xgraph.sampling.engines.hashing import WORD

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a function at its first call, and cache the result on disk if a folder is writable."""
    try:
        return njit(nogil=True, cache=True)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # neither the package's nor the user's cache folder is writable
        return njit(nogil=True)(function)  # type: ignore[no-any-return]


def inlined(function: Function) -> Function:
    """Compile a function inline, as part of its callers."""
    return njit(inline="always")(function)  # type: ignore[no-any-return]


@inlined
def mix(x: int) -> int:
    """Compiled version of :func:`xgraph.sampling.engines.hashing.mix`."""
    x ^= x >> 16
    x = (x * 0x7FEB352D) & WORD
    x ^= x >> 15
    x = (x * 0x846CA68B) & WORD
    return x ^ (x >> 16)


@inlined
def uniform(counter: int, k0: int, k1: int) -> int:
    """Compiled version of :func:`xgraph.sampling.engines.hashing.uniform`."""
    return mix((mix((counter & WORD) ^ k0) + k1) & WORD)
