"""Loops that draw edges, compiled.

Each reads its share of a hop's targets and releases the interpreter's lock, so that Python threads run it side by side.
"""

from typing import Any

import numpy as np

from xgraph.sampling.engines.compiled import compiled, inlined, mix, uniform
from xgraph.sampling.engines.hashing import WORD

LINEAR = 32  # up to this many draws, comparing with earlier ones is faster than hashing
BLOCK = 1024  # draws per block; their words and positions fit in the cache
LISTS = 64  # lists of neighbours to prefetch together
FETCHED = 4096  # positions to prefetch in each list; the processor prefetches the rest by itself
LINE = 64  # bytes per cache line
RANKED = 256  # up to this many numbers, counting the smaller ones is faster than partitioning
LARGEST = 2**31 - 1


@compiled
def count_edges(
    colptr: Any, nodes: Any, low: int, high: int, fanout: int, replace: bool, start: Any, degree: Any
) -> int:
    """Fill in the start and degree of targets ``low`` to ``high`` and return their number of sampled edges."""
    total = 0
    for i in range(low, high):
        node = nodes[i]
        begin = colptr[node]
        size = colptr[node + 1] - begin
        start[i] = begin
        degree[i] = size
        if fanout < 0 or (size < fanout and not (replace and size)):
            total += size
        else:
            total += fanout
    return total


@compiled
def draw_all(
    row: Any, perm: Any, start: Any, degree: Any, low: int, high: int, local: int, source: Any, col: Any, edge: Any,
    out: int,
) -> None:  # fmt: skip
    """Write source, target and id of all edges of targets ``low`` to ``high``, starting at position `out`."""
    for i in range(low, high):
        for position in range(start[i], start[i] + degree[i]):
            source[out] = row[position]
            edge[out] = perm[position] if perm.size else position
            col[out] = local + i
            out += 1


@compiled
def draw_uniform(
    fanout: int, replace: bool, k0: int, k1: int, row: Any, perm: Any, start: Any, degree: Any, low: int, high: int,
    local: int, source: Any, col: Any, edge: Any, out: int,
) -> None:  # fmt: skip
    """Like `draw_all`, for uniformly drawn edges."""
    at_once = replace or fanout <= LINEAR
    block = max(1, BLOCK // fanout)
    words = np.empty(block * fanout, np.int64)
    picked = np.empty(block * fanout, np.int64)
    table = np.empty(_table_size(fanout), np.int64)
    for first in range(low, high, block):
        last = min(first + block, high)
        if at_once:
            for q in range((last - first) * fanout):
                words[q] = uniform(first * fanout + q, k0, k1)
        filled = 0
        for i in range(first, last):
            begin, size = start[i], degree[i]
            word = (i - first) * fanout
            if size == 0:
                continue
            if replace:
                for j in range(fanout):
                    picked[filled + j] = begin + ((words[word + j] * size) >> 32)
                number = fanout
            elif size <= fanout:
                for j in range(size):
                    picked[filled + j] = begin + j
                number = size
            else:
                if fanout > LINEAR:
                    for j in range(fanout):
                        words[word + j] = uniform(i * fanout + j, k0, k1)
                    _floyd_hashed(words, word, size, fanout, begin, picked, filled, table)
                else:
                    _floyd(words, word, size, fanout, begin, picked, filled)
                number = fanout
            for j in range(number):
                col[out + filled + j] = local + i
            filled += number
        for q in range(filled):
            source[out + q] = row[picked[q]]
        if perm.size:
            for q in range(filled):
                edge[out + q] = perm[picked[q]]
        else:
            for q in range(filled):
                edge[out + q] = picked[q]
        out += filled


@compiled
def draw_labor(
    fanout: int, k0: int, k1: int, row: Any, perm: Any, start: Any, degree: Any, low: int, high: int, local: int,
    source: Any, col: Any, edge: Any, out: int,
) -> None:  # fmt: skip
    """Like `draw_all`, for the edges whose sources have the smallest random numbers."""
    longest = 0
    for i in range(low, high):
        longest = max(longest, degree[i])
    words = np.empty(BLOCK, np.int64)
    packed = np.empty(longest + 1, np.int64)  # most of a long array is never written, so it takes no memory
    stride = max(1, LINE // row.strides[0])
    enough = fanout + 2 * int(np.sqrt(fanout)) + 2
    for first in range(low, high, LISTS):
        last = min(first + LISTS, high)
        touched = 0
        for i in range(first, last):
            for position in range(start[i], start[i] + min(degree[i], FETCHED), stride):
                touched += row[position]
        words[0] = touched  # prevents the compiler from removing the loop
        for i in range(first, last):
            begin, size = start[i], degree[i]
            if size > fanout:
                _smallest(fanout, k0, k1, row, begin, size, (enough << 32) // size, words, packed)
            for j in range(min(size, fanout)):
                position = begin + (packed[j] & LARGEST if size > fanout else j)
                source[out] = row[position]
                edge[out] = perm[position] if perm.size else position
                col[out] = local + i
                out += 1


@inlined
def _floyd(words: Any, word: int, size: int, fanout: int, begin: int, picked: Any, at: int) -> None:
    """Write `fanout` distinct positions to ``picked[at:]`` with Floyd's algorithm."""
    seen = 0  # one bit per remainder modulo 64: most draws need no comparison with earlier ones
    for j in range(fanout):
        last = size - fanout + j
        drawn = (words[word + j] * (last + 1)) >> 32
        if (seen >> (drawn & 63)) & 1:
            for other in range(j):
                if picked[at + other] == begin + drawn:
                    drawn = last
                    break
        seen |= 1 << (drawn & 63)
        picked[at + j] = begin + drawn


@compiled
def _table_size(fanout: int) -> int:
    size = 1
    while fanout > LINEAR and size < 2 * fanout:
        size *= 2
    return size


@compiled
def _floyd_hashed(words: Any, word: int, size: int, fanout: int, begin: int, picked: Any, at: int, table: Any) -> None:
    """Like `_floyd`, with an open-addressed table of earlier draws."""
    table[:] = -1
    mask = table.size - 1
    for j in range(fanout):
        last = size - fanout + j
        drawn = (words[word + j] * (last + 1)) >> 32
        slot = mix(drawn & WORD) & mask
        while table[slot] >= 0 and table[slot] != drawn:
            slot = (slot + 1) & mask
        if table[slot] == drawn:
            drawn = last
            slot = mix(drawn & WORD) & mask
            while table[slot] >= 0:
                slot = (slot + 1) & mask
        table[slot] = drawn
        picked[at + j] = begin + drawn


@compiled
def _smallest(
    fanout: int, k0: int, k1: int, row: Any, begin: int, size: int, limit: int, words: Any, packed: Any
) -> None:  # fmt: skip
    """Write the edges (of `size`) whose sources have the smallest numbers to ``found[:fanout]``, in order."""
    close = 0
    while close < fanout:
        close = 0
        for first in range(0, size, BLOCK):
            last = min(first + BLOCK, size)
            for q in range(first, last):
                node = int(row[begin + q])
                words[q - first] = uniform((node & WORD) ^ mix(node >> 32), k0, k1)
            for q in range(first, last):  # without a branch, because the comparison is unpredictable
                packed[close] = (words[q - first] << 31) | q
                close += words[q - first] < limit
        limit *= 2
    highest = packed[0]
    if close <= RANKED:
        for q in range(close):
            rank = 0
            for other in range(close):
                rank += packed[other] < packed[q]
            if rank == fanout - 1:
                highest = packed[q]
                break
    else:
        highest = np.partition(packed[:close], fanout - 1)[fanout - 1]
    kept = 0
    for q in range(close):
        value = packed[q]
        packed[kept] = value
        kept += value <= highest
