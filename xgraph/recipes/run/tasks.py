"""The training runs of a recipe, in this process or spread over several; a failed one does not stop the others."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import ClassVar, NamedTuple

from xgraph.data.storage.parallel import start_worker
from xgraph.recipes.run.directory import add_time, timed
from xgraph.recipes.run.runs import Runner
from xgraph.recipes.schema.recipe import Member
from xgraph.signals import stop


@dataclass(frozen=True)
class Task:
    """The runs of a member with one of its seeds, over all its folds."""

    runner: Runner
    member: Member
    seed: int

    @property
    def name(self) -> str:
        """The path of the runs in the recipe's directory."""
        return self.runner.name(self.member, self.seed)

    @property
    def out(self) -> Path:
        """The directory of the whole recipe."""
        return self.runner.out

    @property
    def start(self) -> str | None:
        """The name of the run that this one starts from, if it is one of the recipe's."""
        before = self.runner.recipe.start_of(self.member)
        return None if before is None else self.runner.name(before, self.seed)

    def do(self) -> str:
        """Train or resume; return why it failed, or an empty string."""
        try:
            self.runner.train(self.member, self.seed)
        except Exception as error:  # of any kind: it is reported, and the other runs go on
            return str(error) or type(error).__name__
        return ""


class Outcome(NamedTuple):
    """Why a task failed, or an empty string, or None if it was interrupted; and how long it took."""

    error: str | None
    seconds: float


class Failure(NamedTuple):
    """A run that failed, and why."""

    name: str
    error: str


def do_all(tasks: Sequence[Task], jobs: int, *, device: str, progress: bool) -> list[Failure]:
    """Do all tasks that are not finished, each after the one that it starts from; return those that failed.

    Args:
        tasks: The tasks, in an order in which they can be done.
        jobs: Number of processes.
        device: Device that is trained on.
        progress: Show progress on stderr.

    Raises:
        OptionError: If a finished run has other settings than the recipe's.
        RuntimeError: If a process ended unexpectedly.
    """
    for task in tasks:
        task.runner.check(task.member, task.seed)
    left = [task for task in tasks if not task.runner.is_finished(task.member, task.seed)]
    if jobs < 2 or len(left) < 2:
        return _in_turn(left, progress)
    return _in_processes(left, jobs, device, progress)


def _in_turn(tasks: Sequence[Task], progress: bool) -> list[Failure]:
    failed: dict[str, Failure] = {}
    for i, task in enumerate(tasks, 1):
        if progress:
            sys.stderr.write(f"run={i}/{len(tasks)} {task.name}\n")
        error = _of_start(task, failed)
        if not error:
            with timed(task.out, task.name):
                error = task.do()
        if error:
            failed[task.name] = Failure(task.name, error)
            sys.stderr.write(f"failed: {task.name}: {error}\n" if progress else "")
    return list(failed.values())


def _of_start(task: Task, failed: Mapping[str, Failure]) -> str:
    return f"it starts from {task.start}, which failed" if task.start in failed else ""


def _in_processes(tasks: Sequence[Task], jobs: int, device: str, progress: bool) -> list[Failure]:
    # Fork on Linux: it is cheap, and loaded code is shared. CUDA does not survive it.
    method = "fork" if sys.platform == "linux" and device != "cuda" else "spawn"
    context = multiprocessing.get_context(method)
    pool = ProcessPoolExecutor(min(jobs, len(tasks)), context, initializer=_start, initargs=(list(tasks),))
    failed: dict[str, Failure] = {}
    running: dict[Future[Outcome], Task] = {}
    try:
        for done, (task, error, seconds) in enumerate(_results(pool, tasks, running, failed), 1):
            if error:
                failed[task.name] = Failure(task.name, error)
            if progress:
                what = f"failed: {error}" if error else f"{seconds:.0f} s"
                sys.stderr.write(f"run={done}/{len(tasks)} {task.name} {what}\n")
        pool.shutdown()
    except BrokenProcessPool:
        raise RuntimeError(
            "a process ended unexpectedly, perhaps because memory was exhausted; run the command again to continue, "
            f"with fewer processes than --jobs {jobs}"
        ) from None
    except BaseException:
        for process in multiprocessing.active_children():
            with suppress(OSError):
                os.kill(process.pid or 0, signal.SIGINT)
        pool.shutdown(cancel_futures=True)
        for future, task in running.items():
            if future.done() and not future.cancelled() and future.exception() is None:
                add_time(task.out, task.name, future.result().seconds)
        raise
    return [failed[task.name] for task in tasks if task.name in failed]


def _results(
    pool: ProcessPoolExecutor,
    tasks: Sequence[Task],
    running: dict[Future[Outcome], Task],
    failed: Mapping[str, Failure],
) -> Iterator[tuple[Task, str, float]]:
    """Yield the tasks as they end, with their errors and times; networks are begun first, as they take longest."""
    waiting = {task.name: i for i, task in enumerate(tasks)}
    names, ended = set(waiting), set[str]()
    while waiting or running:
        ready = [i for i in waiting.values() if tasks[i].start not in names - ended]
        for i in sorted(ready, key=lambda i: tasks[i].member.config.fitted):
            task = tasks[i]
            del waiting[task.name]
            if error := _of_start(task, failed):
                ended.add(task.name)
                yield task, error, 0.0
            else:
                running[pool.submit(_do, i)] = task
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            outcome = future.result()
            if outcome.error is None:
                raise KeyboardInterrupt
            task = running.pop(future)
            add_time(task.out, task.name, outcome.seconds)
            ended.add(task.name)
            yield task, outcome.error, outcome.seconds


class _Worker:
    """The state of a worker process."""

    tasks: ClassVar[list[Task]] = []
    busy: ClassVar[bool] = False
    stopped: ClassVar[bool] = False


def _start(tasks: list[Task]) -> None:
    """Prepare a worker process."""
    from threadpoolctl import threadpool_limits

    start_worker()
    _Worker.tasks = tasks
    threadpool_limits(1)
    signal.signal(signal.SIGINT, _interrupt)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    """Leave the current run so that it can tidy up, once: the terminal and the parent may both send the signal."""
    if not _Worker.stopped:
        _Worker.stopped = True
        if _Worker.busy:
            stop(signum)


def _do(i: int) -> Outcome:
    """Do a task in a worker process."""
    began, error = time.perf_counter(), None
    try:
        _Worker.busy = True
        if not _Worker.stopped:
            error = _Worker.tasks[i].do()
    except KeyboardInterrupt:
        pass
    finally:
        _Worker.busy = False
    return Outcome(error, time.perf_counter() - began)
