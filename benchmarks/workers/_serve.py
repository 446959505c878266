"""What workers share: questions and answers as JSON lines, and figures of time and memory.

Workers are scripts that also run in the peers' environments, so nothing here imports xgraph.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch


def questions() -> Iterator[dict[str, Any]]:
    """The lines of standard input, until it is closed."""
    for line in sys.stdin:
        yield json.loads(line)


def answer(content: dict[str, Any]) -> None:
    """One line on standard output."""
    print(json.dumps(content), flush=True)


def serve(handler: Callable[..., dict[str, Any]]) -> None:
    """Answer each question by a call of the handler, the question's keys as arguments."""
    for question in questions():
        answer(handler(**question))


def serve_costs(milliseconds: Callable[..., dict[str, float]], mebibytes: Callable[..., dict[str, float]]) -> None:
    """Answer questions for time or memory (`measure`: "ms" or "mib") on as many threads as the first argument says."""
    torch.set_num_threads(int(sys.argv[1]))
    torch.zeros(7_500_000)  # as in training, whose allocator has long since seen and freed large tensors
    measures = {"ms": milliseconds, "mib": mebibytes}
    serve(lambda measure, **question: measures[measure](**question))


def rounds(seconds: float, *steps: Callable[[], Any]) -> list[list[float]]:
    """Milliseconds of each step in each round; rounds of all steps for so many seconds, at least three."""
    times: list[list[float]] = []
    began = time.perf_counter()
    while len(times) < 3 or time.perf_counter() - began < seconds:
        marks = [time.perf_counter()]
        for step in steps:
            step()
            marks.append(time.perf_counter())
        times.append([(end - begin) * 1e3 for begin, end in pairwise(marks)])
    return times


def resident(name: str) -> float:
    """A figure of this process's memory in MiB: VmRSS or VmHWM."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024


def reset_peak(trim: bool = False) -> float:
    """Let the highest resident set (VmHWM) count from now; the present one, MiB. `trim`: give freed memory back."""
    if trim:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    return before


def rise(call: Callable[[], Any], trim: bool = False) -> float:
    """How far a call raises the highest resident set above that before, in MiB."""
    before = reset_peak(trim)
    call()
    return resident("VmHWM") - before
