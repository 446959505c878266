"""How loops of the CPU sampler are compiled, and the random words in them.

All numbers are int64: numba takes a sum of int64 and uint64 for a float.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

from xgraph.sampling.engines.hashing import WORD

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile at the first call, and keep the result on disk where there is a folder for it."""
    try:
        return njit(nogil=True, cache=True)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # neither the package's folder nor the user's can be written
        return njit(nogil=True)(function)  # type: ignore[no-any-return]


def inlined(function: Function) -> Function:
    """Compile as a part of whatever calls it."""
    return njit(inline="always")(function)  # type: ignore[no-any-return]


@inlined
def mix(x: int) -> int:
    """Return what :func:`xgraph.sampling.engines.hashing.mix` does."""
    x ^= x >> 16
    x = (x * 0x7FEB352D) & WORD
    x ^= x >> 15
    x = (x * 0x846CA68B) & WORD
    return x ^ (x >> 16)


@inlined
def uniform(counter: int, k0: int, k1: int) -> int:
    """Return what :func:`xgraph.sampling.engines.hashing.uniform` does."""
    return mix((mix((counter & WORD) ^ k0) + k1) & WORD)
