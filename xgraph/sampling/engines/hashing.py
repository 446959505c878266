"""Counter-based random numbers: a function of a key and a counter, so that every engine draws the same.

A generator with a state gives different numbers if the work is split differently: over worker processes, threads, or
the lanes of a GPU, with or without padding. Here, draw number c under a key only depends on these two. The mixing
function is Wellons's lowbias32 (a bijection of 32-bit words with low bias), applied twice, each time after combining
with a word of the key. Keys are derived with splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
generators", OOPSLA 2014).
"""

import hashlib

import torch
from torch import Tensor

Key = tuple[int, int]
"""Two 32-bit words."""

Keys = Key | tuple[Tensor, Tensor]
"""One key, or several keys as two int64 tensors of words whose shape broadcasts with that of the draws."""

WORD = 0xFFFFFFFF
_WORD64 = 0xFFFFFFFFFFFFFFFF


def derive(*numbers: int) -> Key:
    """Return a key that depends on all `numbers` and their order."""
    state = len(numbers)
    for number in numbers:
        state = ((state ^ (number & _WORD64)) + 0x9E3779B97F4A7C15) & _WORD64
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _WORD64
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _WORD64
        state ^= state >> 31
    return state >> 32, state & WORD


def digest(*ids: Tensor) -> int:
    """Return 64 bits that only depend on the numbers in `ids` and their order."""
    hasher = hashlib.blake2b(digest_size=8)
    for part in ids:
        hasher.update(part.numel().to_bytes(8, "little"))
        hasher.update(part.detach().to("cpu", torch.int64).contiguous().numpy().data)
    return int.from_bytes(hasher.digest(), "little")


def mix(x: Tensor) -> Tensor:
    """Apply lowbias32 to every element."""
    x = x ^ (x >> 16)
    x = (x * 0x7FEB352D) & WORD
    x = x ^ (x >> 15)
    x = (x * 0x846CA68B) & WORD  # the product may overflow, but its lowest 32 bits are correct
    return x ^ (x >> 16)


def uniform(counter: Tensor, key: Keys) -> Tensor:
    """Return the draws of these counters: uniform 32-bit words, as int64."""
    return mix((mix((counter & WORD) ^ key[0]) + key[1]) & WORD)


def randint(counter: Tensor, key: Keys, high: Tensor) -> Tensor:
    """Return uniform integers from 0 to `high` − 1."""
    return (uniform(counter, key) * high) >> 32


def node_uniform(node: Tensor, key: Keys) -> Tensor:
    """Return a uniform 32-bit word for each node id, the same for every occurrence of a node."""
    return uniform((node & WORD) ^ mix(node >> 32), key)
