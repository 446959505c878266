"""Parallel processing: of a long list in chunks, with progress, and of a stream of unknown length.

Short lists and short streams are processed in this process.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from typing import Any, TypeVar

from xgraph.data.storage.root import Progress

Item = TypeVar("Item")
Result = TypeVar("Result")

CHUNK = 512
AHEAD = 2  # items that are processed, or wait for the consumer, beyond one per process
_WATCH, _GRACE = 1.0, 30.0  # seconds between two looks at the parent, and to tidy up once it has ended

_in_worker = False  # a worker process starts no others
_function: Callable[[Any], object] | None = None  # of `map_ahead`, in a worker process


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
    if count < 2 or _no_children():
        return [report(function(part), part) for part in chunks]
    results: dict[int, Result] = {}
    with _pool(count) as pool:
        tasks = {}
        try:
            for i, part in enumerate(chunks):
                tasks[pool.submit(function, part)] = i
            for task in as_completed(tasks):
                results[tasks[task]] = report(task.result(), chunks[tasks[task]])
        except BrokenProcessPool:
            _warn_of_death(what)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    for i, part in enumerate(chunks):
        if i not in results:
            results[i] = report((rescue or function)(part), part)
    return [results[i] for i in range(len(chunks))]


def map_ahead(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    what: str,
    worth: int,
    workers: int | None = None,
    rescue: Callable[[Item], Result] | None = None,
) -> Iterator[Result]:
    """Apply `function` to a stream of items, a few ahead of the consumer; yield the results in the order of the items.

    Memory does not grow with the stream. A stream of fewer than `worth` items is processed in this process. Other
    processes get `function` once, and torch has one thread there.
    """
    source = iter(items)
    first = list(islice(source, worth))
    source = chain(first, source)
    count = available_cores() if workers is None else workers
    if len(first) < worth or count < 2 or _no_children():
        yield from map(function, source)
        return
    waiting: deque[tuple[Item, Future[bytes] | None]] = deque()
    with _pool(count, function) as pool:
        try:
            for item in source:
                waiting.append((item, None))
                waiting[-1] = item, pool.submit(_pickled, item)
                if len(waiting) > count + AHEAD:
                    yield _first_result(waiting)
            while waiting:
                yield _first_result(waiting)
        except BrokenProcessPool:
            _warn_of_death(what)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    yield from map(rescue or function, chain([item for item, _ in waiting], source))


def _pickled(item: object) -> bytes:
    """Return a pickled result; the pool's own pickler would send tensors through shared memory, one file for each."""
    if _function is None:
        raise RuntimeError("a worker process has no function")
    return pickle.dumps(_function(item), protocol=pickle.HIGHEST_PROTOCOL)


def _first_result(waiting: deque[tuple[Item, Future[bytes] | None]]) -> Any:
    """Return the oldest result, and take it from the queue; it remains there if its worker died."""
    future = waiting[0][1]
    content = b"" if future is None else future.result()
    waiting.popleft()
    return pickle.loads(content)  # of our own worker, never of a file


def _no_children() -> bool:
    """Whether this process may not start others."""
    return _in_worker or bool(multiprocessing.current_process().daemon)


def _pool(count: int, function: Callable[[Any], object] | None = None) -> ProcessPoolExecutor:
    # Fork on Linux, like torch's DataLoader: it is cheap and does not run the user's script again.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    return ProcessPoolExecutor(count, mp_context=context, initializer=start_worker, initargs=(function,))


def start_no_others() -> None:
    """Process everything in this process from now on, which is one of many already."""
    global _in_worker
    _in_worker = True


def start_worker(function: Callable[[Any], object] | None = None) -> None:
    """Prepare a worker process, which starts no others and has one thread."""
    global _in_worker, _function
    _in_worker, _function = True, function
    gc.freeze()  # the collector writes to every object that it looks at, which would copy this memory
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))  # no traceback; the process that started this one answers
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)  # threads of OpenMP do not survive a fork


def end_with(parent: int) -> None:
    """End this process once the one that started it was killed: an idle worker would wait for work for ever."""
    while os.getppid() == parent:
        time.sleep(_WATCH)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(_GRACE)
    os._exit(1)


def _warn_of_death(what: str) -> None:
    warnings.warn(
        f"a worker process died while {what}; the remaining items are processed in this process",
        RuntimeWarning,
        stacklevel=4,
    )


class _Report:
    """Counts finished items and reports them to the callback, passing results through."""

    def __init__(self, progress: Progress | None, total: int, what: str) -> None:
        self.progress, self.total, self.what, self.done = progress, total, what, 0

    def __call__(self, result: Result, chunk: Sequence[str]) -> Result:
        self.done += len(chunk)
        if self.progress is not None:
            self.progress(self.done, self.total, self.what)
        return result
