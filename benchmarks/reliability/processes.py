"""Runs commands in processes forked from a server that has imported everything, which takes 6 seconds."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["benchmarks.reliability.warm"])
ROOT = Path(__file__).parents[2]
TIMEOUT = 300.0


@dataclass
class Done:
    """How a command ended."""

    code: int
    """The exit code; negative: the number of the signal that killed it."""
    seconds: float
    out: str
    err: str
    changes: list[str] = field(default_factory=list)
    """Writes within the folder, in order."""
    outside: list[str] = field(default_factory=list)
    """Writes elsewhere."""
    hung: bool = False

    @property
    def killed(self) -> bool:
        """Whether the process was killed as planned."""
        return self.code == -signal.SIGKILL and not self.hung

    @property
    def last(self) -> str:
        """The last line of its messages."""
        lines = self.err.strip().splitlines()
        return lines[-1][:300] if lines else ""


def run(
    words: list[str] | Callable[[], int],
    folder: Path,
    *,
    kill_after: float | None = None,
    die_at: int | None = None,
    seed: int = 0,
    timeout: float = TIMEOUT,
    typed: Path | None = None,
) -> Done:
    """Run ``xgraph`` with these words in `folder`, or a function; kill it after some seconds, or at its nth write."""
    report = folder.parent / f"report-{uuid.uuid4().hex[:8]}"
    process = SERVER.Process(
        target=_perform, args=(words, str(folder), str(report), die_at, seed, typed and str(typed))
    )
    process.start()
    start = time.perf_counter()
    process.join(timeout if kill_after is None else kill_after)
    hung = kill_after is None and process.exitcode is None
    process.kill()
    process.join()
    return _done(process.exitcode, time.perf_counter() - start, report, hung)


def run_command(words: list[str], folder: Path, *, kill_after: float | None = None, timeout: float = TIMEOUT) -> Done:
    """Do the same with the real command, ``python -m xgraph``, in a process of its own."""
    report = folder.parent / f"report-{uuid.uuid4().hex[:8]}"
    variables = {"HOME": str(folder), "XGRAPH_ROOT": str(folder / "root"), "PYTHONPATH": str(ROOT)}
    env = {name: value for name, value in os.environ.items() if name != "XGRAPH_MIRROR"} | variables
    start, hung = time.perf_counter(), False
    with open(f"{report}.out", "wb") as out, open(f"{report}.err", "wb") as err:
        command = [sys.executable, "-m", "xgraph", *words]
        with subprocess.Popen(
            command, cwd=folder, env=env, stdout=out, stderr=err, stdin=subprocess.DEVNULL
        ) as process:
            try:
                process.wait(timeout if kill_after is None else kill_after)
            except subprocess.TimeoutExpired:
                hung = kill_after is None
                process.kill()
    return _done(process.returncode, time.perf_counter() - start, report, hung)


def _perform(*arguments: object) -> None:
    from benchmarks.reliability.child import perform  # in the forked process only, since it imports everything

    perform(*arguments)  # type: ignore[arg-type]


def _done(code: int | None, seconds: float, report: Path, hung: bool) -> Done:
    texts = []
    for kind in ("out", "err"):
        file = report.with_name(f"{report.name}.{kind}")
        texts.append(file.read_text(encoding="utf-8", errors="replace") if file.exists() else "")
        file.unlink(missing_ok=True)
    seen = json.loads(report.read_text()) if report.exists() else {}
    report.unlink(missing_ok=True)
    return Done(-99 if code is None else code, seconds, *texts, **seen, hung=hung)
