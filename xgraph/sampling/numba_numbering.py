"""Loops that number nodes in order of first occurrence, compiled."""

from typing import Any

from xgraph.sampling.compiled import compiled, mix
from xgraph.sampling.hashing import WORD


@compiled
def number_seeds(table: Any, base: int, seeds: Any) -> None:
    """Enter seeds with their positions; the first of equal ones stands for all."""
    for i in range(seeds.size):
        if table[seeds[i]] < base:
            table[seeds[i]] = base + i


@compiled
def number_nodes(table: Any, base: int, row: Any, begin: int, end: int, count: int, new: Any) -> int:
    """Replace node ids in `row` by local ids, write new nodes to `new` and return how many they are.

    Whether a node is new cannot be foretold, so there is no branch: `new` has room for one more than there can be.
    """
    found = 0
    for i in range(begin, end):
        node = row[i]
        value = int(table[node])
        is_new = value < base
        value = base + count + found if is_new else value
        table[node] = value
        new[found] = node
        found += is_new
        row[i] = value - base
    return found


@compiled
def enter_pairs(keys: Any, values: Any, batch: Any, nodes: Any, num_nodes: int) -> None:
    """Enter pairs (seed, node), all different, into an open-addressed table that maps them to their positions."""
    mask = keys.size - 1
    for i in range(nodes.size):
        pair = batch[i] * num_nodes + nodes[i]
        slot = mix(mix(pair & WORD) ^ (pair >> 32)) & mask
        while keys[slot] >= 0:
            slot = (slot + 1) & mask
        keys[slot] = pair
        values[slot] = i


@compiled
def number_pairs(
    keys: Any, values: Any, row: Any, col: Any, begin: int, end: int, num_nodes: int, target_batch: Any, count: int,
    new: Any, new_batch: Any,
) -> int:  # fmt: skip
    """Do what `number_nodes` does for pairs of a node and the seed of its edge's target."""
    found = 0
    mask = keys.size - 1
    for i in range(begin, end):
        seed = target_batch[col[i]]
        pair = seed * num_nodes + row[i]
        slot = mix(mix(pair & WORD) ^ (pair >> 32)) & mask
        while keys[slot] >= 0 and keys[slot] != pair:
            slot = (slot + 1) & mask
        if keys[slot] < 0:
            keys[slot] = pair
            values[slot] = count + found
            new[found] = row[i]
            new_batch[found] = seed
            found += 1
        row[i] = values[slot]
    return found
