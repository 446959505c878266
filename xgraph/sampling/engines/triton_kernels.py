"""Triton kernels of the GPU: picks of neighbours, local ids of nodes, rows of features.

They give what the torch functions give, number for number, in one pass over memory each, and read the GPU's memory or
page-locked host memory. The module needs Triton, which comes with torch for CUDA; it is imported only where tensors lie
on a GPU and Triton is valid.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, import-untyped, import-not-found"

import torch
import triton
import triton.language as tl
from torch import Tensor

from xgraph.sampling.engines.hashing import Keys

MAX_FANOUT = 128  # each pick is compared with all earlier ones in its row, in registers; larger fan-outs use torch
BLOCK = 1024  # elements per program


@triton.jit
def _mix(x):
    # Like xgraph.sampling.engines.hashing.mix, on 32-bit words.
    x = x ^ (x >> 16)
    x = x * 0x7FEB352D
    x = x ^ (x >> 15)
    x = x * 0x846CA68B
    return x ^ (x >> 16)


@triton.jit
def _randint(number, k0, k1, bound):
    # The integer in [0, bound) for draw `number`; results for a bound below 1 are not used.
    word = _mix(_mix(number.to(tl.uint32) ^ k0) + k1)
    return (word.to(tl.int64) * bound.to(tl.int64)) >> 32


# Keys, bases and counts can be anywhere in a batch's numbers, so kernels must not be specialised for their alignment.
@triton.jit(do_not_specialize=["num_nodes", "k0", "k1"])
def _pick(
    colptr,
    row,
    row_stride,
    nodes,
    source,
    edge,
    num_nodes,
    k0,
    k1,
    FANOUT: tl.constexpr,
    LANES: tl.constexpr,
    ROWS: tl.constexpr,
    REPLACE: tl.constexpr,
):
    first_word, second_word = tl.load(k0).to(tl.uint32), tl.load(k1).to(tl.uint32)
    place = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    lane = tl.arange(0, LANES)
    node = tl.load(nodes + place, mask=place < num_nodes, other=-1).to(tl.int64)
    begin = tl.load(colptr + node, mask=node >= 0, other=0).to(tl.int64)
    degree = tl.load(colptr + node + 1, mask=node >= 0, other=0).to(tl.int64) - begin
    if REPLACE:
        number = place[:, None] * FANOUT + lane[None, :]
        chosen = _randint(number, first_word, second_word, degree[:, None])
        valid = (degree[:, None] > 0) & (lane[None, :] < FANOUT)
    else:
        # All neighbours in order, or Floyd's algorithm: pick from one more each time, or the newest if already taken.
        chosen = tl.full((ROWS, LANES), -1, tl.int64)
        for j in range(FANOUT):
            newest = degree - FANOUT + j
            drawn = _randint(place * FANOUT + j, first_word, second_word, newest + 1)
            taken = tl.max((chosen == drawn[:, None]).to(tl.int32), axis=1) > 0
            chosen = tl.where(lane[None, :] == j, tl.where(taken, newest, drawn)[:, None], chosen)
        chosen = tl.where(degree[:, None] > FANOUT, chosen, lane[None, :].to(tl.int64))
        valid = (lane[None, :] < degree[:, None]) & (lane[None, :] < FANOUT)
    position = begin[:, None] + chosen
    neighbor = tl.load(row + position * row_stride, mask=valid, other=-1).to(tl.int64)
    out = place[:, None] * FANOUT + lane[None, :]
    written = (place[:, None] < num_nodes) & (lane[None, :] < FANOUT)
    tl.store(source + out, neighbor, mask=written)
    tl.store(edge + out, tl.where(valid, position, -1), mask=written)


@triton.jit(do_not_specialize=["num_candidates", "base", "count"])
def _claim(table, candidates, base, count, num_candidates, BLOCK: tl.constexpr):
    place = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    node = tl.load(candidates + place, mask=place < num_candidates, other=-1)
    claimed = (tl.load(base) + tl.load(count) + place).to(tl.int32)
    # Values only decrease, so the atomic operation is skipped if the current value is lower, as for frequent hubs.
    seen = tl.load(table + node, mask=node >= 0, other=0)
    tl.atomic_min(table + node, claimed, mask=(node >= 0) & (seen > claimed), sem="relaxed")


@triton.jit(do_not_specialize=["num_candidates", "base", "count"])
def _read(table, candidates, base, count, winner, first, num_candidates, BLOCK: tl.constexpr):
    place = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    node = tl.load(candidates + place, mask=place < num_candidates, other=-1)
    value = tl.load(table + node, mask=node >= 0, other=0)
    claimed = tl.load(base) + tl.load(count) + place
    tl.store(winner + place, value, mask=place < num_candidates)
    tl.store(first + place, ((value == claimed) & (node >= 0)).to(tl.uint8), mask=place < num_candidates)


@triton.jit(do_not_specialize=["num_candidates", "base", "count"])
def _assign(table, candidates, base, count, winner, first, order, local, num_candidates, BLOCK: tl.constexpr):
    place = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = place < num_candidates
    node = tl.load(candidates + place, mask=inside, other=-1)
    lowest, known = tl.load(base), tl.load(count)
    # Values below `known` are local ids of known nodes; others are positions of first occurrence.
    value = tl.load(winner + place, mask=node >= 0, other=0).to(tl.int64) - lowest
    new = (node >= 0) & (value >= known)
    number = known + tl.load(order + value - known, mask=new, other=0) - 1
    number = tl.where(node < 0, -1, tl.where(new, number, value))
    tl.store(local + place, number, mask=inside)
    is_first = tl.load(first + place, mask=inside, other=0) != 0
    tl.store(table + node, (lowest + number).to(tl.int32), mask=is_first)


@triton.jit(do_not_specialize=["num_rows"])  # widths divisible by 16 allow vectorised loads
def _gather(x, index, out, num_rows, width, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    place = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    column = tl.program_id(1).to(tl.int64) * COLUMNS + tl.arange(0, COLUMNS)
    item = tl.load(index + place, mask=place < num_rows, other=-1).to(tl.int64)
    inside = (place[:, None] < num_rows) & (column[None, :] < width)
    value = tl.load(x + item[:, None] * width + column[None, :], mask=inside & (item[:, None] >= 0), other=0)
    tl.store(out + place[:, None] * width + column[None, :], value, mask=inside)


def pick(
    colptr: Tensor, row: Tensor, nodes: Tensor, fanout: int, key: Keys, replace: bool = False
) -> tuple[Tensor, Tensor]:
    """Pick neighbours of each node in one kernel; see `xgraph.sampling.engines.draws.pick`."""
    if fanout > MAX_FANOUT:
        from xgraph.sampling.engines.draws import pick as pick_by_torch

        return pick_by_torch(colptr, row, nodes, fanout, key, replace)
    size = (nodes.numel(), fanout)
    source = torch.empty(size, dtype=torch.int64, device=nodes.device)
    edge = torch.empty_like(source)
    if source.numel() == 0:
        return source, edge
    lanes = triton.next_power_of_2(fanout)
    rows = max(BLOCK // lanes, 1)
    k0, k1 = (torch.as_tensor(word, dtype=torch.int64, device=nodes.device) for word in key)
    static = {"FANOUT": fanout, "LANES": lanes, "ROWS": rows, "REPLACE": replace}
    with _on(nodes.device):
        _pick[(triton.cdiv(size[0], rows),)](
            colptr, row, row.stride(0), nodes.contiguous(), source, edge, size[0], k0, k1, **static
        )
    return source, edge


def claim(table: Tensor, candidates: Tensor, base: Tensor, count: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Number nodes in order of first occurrence; see `xgraph.sampling.engines.relabel.claim`."""
    local = torch.empty_like(candidates)
    first = torch.empty_like(candidates, dtype=torch.uint8)
    size = candidates.numel()
    if size == 0:
        return local, first.bool(), count
    winner = torch.empty_like(candidates, dtype=torch.int32)
    grid = (triton.cdiv(size, BLOCK),)
    with _on(candidates.device):
        _claim[grid](table, candidates, base, count, size, BLOCK=BLOCK)
        _read[grid](table, candidates, base, count, winner, first, size, BLOCK=BLOCK)
        order = torch.cumsum(first, 0, dtype=torch.int64)
        _assign[grid](table, candidates, base, count, winner, first, order, local, size, BLOCK=BLOCK)
    return local, first.view(torch.bool), count + order[-1]


def gather_rows(x: Tensor, index: Tensor) -> Tensor:
    """Return rows of a matrix on the GPU or in page-locked host memory, which the GPU reads directly."""
    x = x.contiguous()
    out = torch.empty((index.numel(), *x.shape[1:]), dtype=x.dtype, device=index.device)
    if out.numel() == 0:
        return out
    width = out.numel() // index.numel()
    columns = min(triton.next_power_of_2(width), BLOCK)
    rows = BLOCK // columns
    grid = (triton.cdiv(index.numel(), rows), triton.cdiv(width, columns))
    source, target = (t.view(torch.uint8) if t.dtype == torch.bool else t for t in (x, out))
    with _on(index.device):
        _gather[grid](source, index, target, index.numel(), width, ROWS=rows, COLUMNS=columns)
    return out


def _on(device: torch.device) -> torch.cuda.device:
    """Context for launching on the GPU of the tensors; does nothing on the CPU (in the interpreter)."""
    return torch.cuda.device(device.index if device.type == "cuda" else -1)
