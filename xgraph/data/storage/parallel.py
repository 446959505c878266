"""Parallel processing of a long list in chunks, with progress; short lists are processed in this process."""

from __future__ import annotations

import multiprocessing
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from xgraph.data.storage.root import Progress

Result = TypeVar("Result")

CHUNK = 512


def available_cores() -> int:
    """Return the number of CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_chunks(
    function: Callable[[list[str]], Result],
    items: Sequence[str],
    *,
    what: str,
    worth: int,
    workers: int | None = None,
    progress: Progress | None = None,
    rescue: Callable[[list[str]], Result] | None = None,
    chunk: int = CHUNK,
) -> list[Result]:
    """Apply `function` to chunks of `items`, and return the results in the order of the chunks."""
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    chunks = [list(items[i : i + chunk]) for i in range(0, len(items), chunk)]
    requested = min(available_cores(), len(items) // worth) if workers is None else workers
    count = min(requested, len(chunks))
    report = _Report(progress, len(items), what)
    if count < 2 or multiprocessing.current_process().daemon:  # a daemon process may not have children
        return [report(function(part), part) for part in chunks]
    # Fork on Linux, like torch's DataLoader: it is cheap and does not run the user's script again.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    results: dict[int, Result] = {}
    with ProcessPoolExecutor(count, mp_context=context) as pool:
        tasks = {}
        try:
            for i, part in enumerate(chunks):
                tasks[pool.submit(function, part)] = i
            for task in as_completed(tasks):
                results[tasks[task]] = report(task.result(), chunks[tasks[task]])
        except BrokenProcessPool:
            warnings.warn(
                f"a worker process died while {what}; the remaining items are processed in this process",
                RuntimeWarning,
                stacklevel=3,
            )
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    for i, part in enumerate(chunks):
        if i not in results:
            results[i] = report((rescue or function)(part), part)
    return [results[i] for i in range(len(chunks))]


class _Report:
    """Counts finished items and reports them to the callback, passing results through."""

    def __init__(self, progress: Progress | None, total: int, what: str) -> None:
        self.progress, self.total, self.what, self.done = progress, total, what, 0

    def __call__(self, result: Result, chunk: Sequence[str]) -> Result:
        self.done += len(chunk)
        if self.progress is not None:
            self.progress(self.done, self.total, self.what)
        return result
