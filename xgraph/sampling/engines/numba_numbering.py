"""Compiled loops that number nodes in order of first occurrence."""

from typing import Any

import numpy as np

from xgraph.sampling.engines.compiled import compiled, inlined, mix
from xgraph.sampling.engines.hashing import WORD


@compiled
def number_seeds(table: Any, base: int, seeds: Any) -> None:
    """Enter seeds with their positions; the first of equal seeds wins."""
    for i in range(seeds.size):
        if table[seeds[i]] < base:
            table[seeds[i]] = base + i


@compiled
def number_nodes(table: Any, base: int, row: Any, begin: int, end: int, count: int, new: Any) -> int:
    """Replace node ids in `row` by local ids, write new nodes to `new` and return their number."""
    num_new = 0
    for i in range(begin, end):
        node = row[i]
        value = int(table[node])
        is_new = value < base
        value = base + count + num_new if is_new else value
        table[node] = value
        new[num_new] = node
        num_new += is_new
        row[i] = value - base
    return num_new


@compiled
def number_pairs(
    num_seeds: int, node: Any, seed_of: Any, count: int, target_seed: Any, row: Any, col: Any, begin: int, end: int
) -> int:
    """Like `number_nodes`, for pairs of a node and the seed of its edge's target."""
    place = np.zeros(num_seeds + 1, np.int64)
    for i in range(begin, end):
        place[target_seed[col[i]] + 1] += 1
    for i in range(count):
        place[seed_of[i] + 1] += place[seed_of[i] + 1] > 0  # seeds without edges need no table
    for seed in range(num_seeds):
        needed, size = 2 * place[seed + 1], 1
        while size < needed:
            size *= 2
        place[seed + 1] = place[seed] + (size if needed else 0)
    table = np.full(place[num_seeds], -1, np.int32)
    for i in range(count):
        first = place[seed_of[i]]
        mask = place[seed_of[i] + 1] - first - 1
        if mask >= 0:
            slot = _hash(node[i]) & mask
            while table[first + slot] >= 0:
                slot = (slot + 1) & mask
            table[first + slot] = i
    num_new = 0
    for i in range(begin, end):
        seed = target_seed[col[i]]
        first = place[seed]
        mask = place[seed + 1] - first - 1
        slot = _hash(row[i]) & mask
        local = int(table[first + slot])
        while local >= 0 and node[local] != row[i]:
            slot = (slot + 1) & mask
            local = int(table[first + slot])
        if local < 0:
            local = count + num_new
            table[first + slot] = local
            node[local] = row[i]
            seed_of[local] = seed
            num_new += 1
        row[i] = local
    return num_new


@inlined
def _hash(node: int) -> int:
    return mix((node & WORD) ^ (node >> 32))
