"""Random numbers that are a function of a key and a counter, so that every engine draws the same.

A generator with a state gives other numbers as soon as the work is split differently: over worker processes, over
threads, over the lanes of a GPU, with or without padding. Here draw number c under a key is computed from the two
alone. The mixing function is Wellons's lowbias32 (a bijection of 32-bit words of low bias), applied twice with a word
of the key before each; keys come from splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
generators, OOPSLA 2014).
"""

import hashlib

import torch
from torch import Tensor

Key = tuple[int, int]
"""Two words of 32 bits."""

Keys = Key | tuple[Tensor, Tensor]
"""One key, or several as two tensors of words (int64), of a shape that broadcasts with the draws'."""

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
    """Return 64 bits that depend on the numbers in `ids`, their order and nothing else."""
    hasher = hashlib.blake2b(digest_size=8)
    for part in ids:
        hasher.update(part.numel().to_bytes(8, "little"))
        hasher.update(part.detach().to("cpu", torch.int64).contiguous().numpy().data)
    return int.from_bytes(hasher.digest(), "little")


def mix(x: Tensor) -> Tensor:
    """Return lowbias32 of every element."""
    x = x ^ (x >> 16)
    x = (x * 0x7FEB352D) & WORD
    x = x ^ (x >> 15)
    x = (x * 0x846CA68B) & WORD  # the product may wrap around: its lowest 32 bits are right all the same
    return x ^ (x >> 16)


def uniform(counter: Tensor, key: Keys) -> Tensor:
    """Return the draws of these numbers: uniform words of 32 bits, as int64."""
    return mix((mix((counter & WORD) ^ key[0]) + key[1]) & WORD)


def randint(counter: Tensor, key: Keys, high: Tensor) -> Tensor:
    """Return draws from 0 to `high` − 1."""
    return (uniform(counter, key) * high) >> 32


def node_uniform(node: Tensor, key: Keys) -> Tensor:
    """Return one uniform word of 32 bits for each node id, the same wherever the node occurs."""
    return uniform((node & WORD) ^ mix(node >> 32), key)
