"""Shared by the workers: questions and answers as lines of JSON, measurements of time and memory.

Workers also run in the environments of other libraries, so this module does not import xgraph.
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
    """Yield the questions on standard input until it is closed."""
    for line in sys.stdin:
        yield json.loads(line)


def answer(content: dict[str, Any]) -> None:
    """Write an answer as one line on standard output."""
    print(json.dumps(content), flush=True)


def serve(handler: Callable[..., dict[str, Any]]) -> None:
    """Answer each question by calling the handler with the question's keys as arguments."""
    for question in questions():
        answer(handler(**question))


def serve_costs(milliseconds: Callable[..., dict[str, float]], mebibytes: Callable[..., dict[str, float]]) -> None:
    """Answer questions for time or memory (`measure`: "ms" or "mib"); the first argument is the number of threads."""
    torch.set_num_threads(int(sys.argv[1]))
    torch.zeros(7_500_000)  # as in training, where the allocator has already seen and freed large tensors
    measures = {"ms": milliseconds, "mib": mebibytes}
    serve(lambda measure, **question: measures[measure](**question))


def rounds(seconds: float, *steps: Callable[[], Any]) -> list[list[float]]:
    """Time each step in milliseconds, in rounds of all steps, for so many seconds and at least three rounds."""
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
    """Return a figure of this process's memory, VmRSS or VmHWM, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024


def reset_peak(trim: bool = False) -> float:
    """Reset the peak resident set (VmHWM); return the present one in MiB. `trim` returns freed memory first."""
    if trim:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    return before


def rise(call: Callable[[], Any], trim: bool = False) -> float:
    """Return by how many MiB a call raises the peak resident set."""
    before = reset_peak(trim)
    call()
    return resident("VmHWM") - before
