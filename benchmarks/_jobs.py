"""Jobs: the runs of a benchmark. Each has a result file, so a rerun does only what is missing.

Several processes started at the same time share the work: each takes the first job that no other process has locked.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Result = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """One run of a benchmark.

    The file holds the settings, `code` (the version named by XGRAPH_CODE), `seconds`, and what `run` returns, which
    may set `seconds` itself.
    """

    path: Path
    """``.json``, or ``.pt`` for results with tensors."""
    settings: dict[str, Any]
    """Everything that the result depends on, as JSON types. A file made with other settings is refused."""
    run: Callable[[], Result]
    summary: Callable[[Result], str] = lambda result: f"{result['seconds']:.1f} s"
    """The line printed when the job has finished."""

    def result(self) -> Result:
        """The finished result; SystemExit if it was made with other settings."""
        result = read(self.path)
        if result["settings"] != self.settings:
            text = f"{self.path} was made with other settings: {result['settings']}; now they are {self.settings}"
            raise SystemExit(f"{text}. Choose another --out")
        return result

    def do(self) -> Result | None:
        """Return the result, computing it if it is missing; None while another process computes it."""
        if self.path.exists():
            return self.result()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = self.path.with_suffix(".lock")
        with lock.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return None
            try:
                return self.result() if self.path.exists() else self._compute()
            finally:
                lock.unlink(missing_ok=True)

    def _compute(self) -> Result:
        began = time.perf_counter()
        values = self.run()
        seconds = time.perf_counter() - began
        result = {"settings": self.settings, "code": os.environ.get("XGRAPH_CODE"), "seconds": seconds, **values}
        write(self.path, result)
        name = f"{self.path.parent.name}/{self.path.stem}"
        print(f"{time.strftime('%H:%M:%S')} {name}: {self.summary(result)}", file=sys.stderr, flush=True)
        return result


def missing(jobs: Iterable[Job]) -> list[Job]:
    """Return the jobs that have no result yet."""
    return [job for job in jobs if not job.path.exists()]


def work(jobs: Callable[[], Iterable[Job]], wait: float = 5.0) -> None:
    """Do all jobs in order; wait while other processes do the last ones.

    `jobs` is called again after each job, because the settings of some jobs depend on the results of others.
    """
    finished: set[Path] = set()
    while True:
        busy, before = False, len(finished)
        for job in jobs():
            if job.path in finished:
                continue
            was_missing = not job.path.exists()
            if job.do() is None:
                busy = True
                continue
            finished.add(job.path)
            if was_missing:
                break
        if len(finished) == before:
            if not busy:
                return
            time.sleep(wait)


def results(jobs: Iterable[Job]) -> list[Result]:
    """Do all jobs of a fixed list and return their results."""
    jobs = list(jobs)
    work(lambda: jobs)
    return [job.result() for job in jobs]


def read(path: Path) -> Result:
    """Read a file written by `write`."""
    if path.suffix == ".pt":
        import torch

        return torch.load(path, weights_only=True)
    return json.loads(path.read_text())


def write(path: Path, result: Result) -> None:
    """Write a result atomically: an interrupted run leaves no partial file."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    if path.suffix == ".pt":
        import torch

        torch.save(result, temporary)
    else:
        temporary.write_text(json.dumps(result))
    temporary.replace(path)
