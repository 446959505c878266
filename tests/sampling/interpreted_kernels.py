"""Compares Triton's kernels, interpreted on the CPU, with the torch functions; prints a line of JSON per comparison.

A process of its own, as Triton decides at its first import whether it interprets.
"""

import json
import os
import sys

os.environ["TRITON_INTERPRET"] = "1"

import torch
from sampling_graphs import equal, random_graph

from xgraph.sampling.engines import draws, relabel, triton_kernels
from xgraph.sampling.engines.topology import EDGE, NODE, Graph
from xgraph.sampling.engines.torch_engine import TorchEngine

KEYS = [(1, 2), (0xFFFFFFFF, 0x80000000), (0, 0), (123456789, 3987654321)]
DEGREES = torch.tensor([0, 1, 4, 5, 6, 16, 17, 40, 300])


def report(name, same):
    sys.stdout.write(json.dumps([name, bool(same)]) + "\n")


def same(left, right):
    return all(a.dtype == b.dtype and torch.equal(a, b) for a, b in zip(left, right, strict=True))


def compare_pick():
    rng = torch.Generator().manual_seed(0)
    colptr = torch.cat([torch.zeros(1, dtype=torch.int64), DEGREES.cumsum(0)])
    nodes = torch.randint(-1, len(DEGREES), (150,), generator=rng)
    for dtype in (torch.int32, torch.int64):
        row = torch.randint(0, 1000, (int(colptr[-1]),), dtype=dtype, generator=rng)
        for fanout in (1, 2, 5, 16, 17) if dtype == torch.int32 else (5,):
            for replace in (False, True):
                for key in KEYS if fanout == 5 and dtype == torch.int32 else KEYS[:1]:
                    args = colptr, row, nodes, fanout, key, replace
                    ok = same(triton_kernels.pick(*args), draws.pick(*args))
                    report(f"pick {dtype} fanout={fanout} replace={replace} key={key}", ok)
    pairs = torch.stack([row, row], dim=1)[:, 0]
    ok = same(triton_kernels.pick(colptr, pairs, nodes, 5, KEYS[0]), draws.pick(colptr, row, nodes, 5, KEYS[0], False))
    report("pick from a strided row", ok)
    args = colptr, row, nodes, triton_kernels.MAX_FANOUT + 1, KEYS[0], False
    report("pick with a large fanout", same(triton_kernels.pick(*args), draws.pick(*args)))
    empty = triton_kernels.pick(colptr, row, nodes[:0], 5, KEYS[0])
    report("pick for no nodes", [tuple(t.shape) for t in empty] == [(0, 5), (0, 5)])
    nothing = triton_kernels.pick(colptr, row, nodes, 0, KEYS[0])
    report("pick nothing", [tuple(t.shape) for t in nothing] == [(150, 0), (150, 0)])


def compare_claim():
    for size, num_nodes in ((1, 5), (50, 20), (3000, 400)):
        rng = torch.Generator().manual_seed(size)
        tables = [torch.full((num_nodes + 1,), 2**31 - 1, dtype=torch.int32) for _ in range(2)]
        base = torch.tensor(2**31 - 1)
        for batch in range(3):  # the same table with a lower range of values each time
            base = base - 4 * size - 10
            known = torch.randperm(num_nodes, generator=rng)[: min(size, num_nodes) // 2 + 1]
            count = torch.tensor(len(known))
            for table in tables:
                relabel.claim_seeds(table, known, base)
            for hop in range(2):
                candidates = torch.randint(-1, num_nodes, (size,), generator=rng)
                results = [
                    function(table, candidates, base, count)
                    for function, table in zip((triton_kernels.claim, relabel.claim), tables, strict=True)
                ]
                ok = same(*results) and torch.equal(tables[0][:-1], tables[1][:-1])
                report(f"claim size={size} nodes={num_nodes} batch={batch} hop={hop}", ok)
                count = results[0][2]
    count = torch.tensor(3)
    result = triton_kernels.claim(tables[0], torch.empty(0, dtype=torch.int64), base, count)
    report(
        "claim of nothing", [len(t) for t in result[:2]] == [0, 0] and result[1].dtype == torch.bool and result[2] == 3
    )
    padding = triton_kernels.claim(tables[0], torch.full((5,), -1), base, count)
    report("claim of padding", padding[0].tolist() == [-1] * 5 and not padding[1].any() and padding[2] == 3)


def compare_gather():
    rng = torch.Generator().manual_seed(0)
    index = torch.randint(0, 50, (33,), generator=rng)
    types = (torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.bool)
    for shape in ((50,), (50, 7), (50, 2, 3), (50, 1500), (50, 0)):
        for dtype in types if shape == (50, 7) else (torch.float32, torch.bool):
            x = torch.randint(0, 5, shape, generator=rng).to(dtype)
            result = triton_kernels.gather_rows(x, index)
            report(f"gather {shape} {dtype}", result.dtype == dtype and torch.equal(result, x[index]))
    padded = triton_kernels.gather_rows(torch.ones(3, 2), torch.tensor([1, -1], dtype=torch.int32))
    report("gather with padding", padded.tolist() == [[1, 1], [0, 0]])
    report("gather nothing", triton_kernels.gather_rows(torch.ones(3, 2), index[:0]).shape == (0, 2))
    report(
        "gather from a transposed matrix", torch.equal(triton_kernels.gather_rows(x.t(), index[:0]), x.t()[index[:0]])
    )


def compare_engines():
    edge_index, num_nodes = random_graph()
    graph = Graph.from_data((edge_index, num_nodes))
    by_torch = TorchEngine(graph)
    by_triton = TorchEngine(graph, pick=triton_kernels.pick, claim=triton_kernels.claim)
    for replace in (False, True):
        for fanouts in ([3, 2], [5, 0, 2], [-1, 2]):
            for stream in ((7, 1),):
                seeds = {NODE: torch.tensor([5, 0, 17, 5, 3])}
                ok = True
                try:
                    samples = (e.sample(seeds, {EDGE: fanouts}, stream, replace=replace) for e in (by_torch, by_triton))
                    equal(*samples)
                except AssertionError:
                    ok = False
                report(f"engines fanouts={fanouts} replace={replace} stream={stream}", ok)


if __name__ == "__main__":
    compare_pick()
    compare_claim()
    compare_gather()
    compare_engines()
    report("end", True)
