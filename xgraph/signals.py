"""Signals that ask a process to stop: it tidies up first, and a run saves itself at the end of a step."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")
"""Ctrl-C; the end of a container, a service or a SLURM job; a closed terminal; SLURM's warning (``--signal=USR1``)."""

_TWICE = 1.0  # seconds in which a second Ctrl-C is the same one, sent to this process by its parent too


class Stopped(KeyboardInterrupt):
    """A signal asked the process to stop.

    Args:
        signum: Number of the signal.
    """

    def __init__(self, signum: int = signal.SIGINT) -> None:
        super().__init__(int(signum))  # as it is made anew in another process
        self.signum = int(signum)

    def __str__(self) -> str:
        return signal.Signals(self.signum).name


class _State:
    """What has been asked for. There is one for the process, as there is one set of handlers."""

    def __init__(self) -> None:
        self.asked: int | None = None
        self.since = 0.0
        self.waits = False  # whether a signal is only noted, because somebody looks at `asked`
        self.before: dict[int, Any] = {}
        self.process = 0


_state = _State()


def asked() -> int | None:
    """Return the signal that asked this process to stop, or None. Look at it after each step, within `at_steps`."""
    return _state.asked


def exit_code(signum: int) -> int:
    """Return the exit code of a process that a signal has stopped, as a shell gives it: 130 for Ctrl-C."""
    return 128 + signum


@contextmanager
def handled() -> Iterator[None]:
    """Raise `Stopped` on a signal while the block runs, instead of ending at once without tidying up.

    Handlers of the caller's own, and signals that it ignores (nohup), are left alone. Blocks can be nested.
    """
    if _state.before or threading.current_thread() is not threading.main_thread():
        yield
        return
    _state.asked, _state.process = None, os.getpid()
    usual = (signal.SIG_DFL, signal.default_int_handler)
    for name in _NAMES:
        number = getattr(signal, name, None)  # Windows has two of them
        if number is not None and (handler := signal.getsignal(number)) in usual:
            _state.before[number] = handler
            signal.signal(number, _note)
    try:
        yield
    finally:
        before, _state.before = _state.before, {}
        for number, handler in before.items():
            if signal.getsignal(number) is _note:
                signal.signal(number, handler)


@contextmanager
def at_steps() -> Iterator[None]:
    """Only note signals while the block runs, so that a step is finished; a second Ctrl-C raises `Stopped`."""
    with _waiting(True):
        yield


@contextmanager
def at_once() -> Iterator[None]:
    """Raise `Stopped` on a signal while the block runs, within a block of `at_steps`; also on one noted before."""
    with _waiting(False):
        if _state.asked is not None:
            raise Stopped(_state.asked)
        yield


@contextmanager
def _waiting(waits: bool) -> Iterator[None]:
    before, _state.waits = _state.waits, waits
    try:
        yield
    finally:
        _state.waits = before


def stop(signum: int) -> None:
    """Note a signal, and raise `Stopped` unless somebody looks at `asked`; for a handler of one's own."""
    first = _state.asked is None
    if first:
        _state.asked, _state.since = signum, time.monotonic()
    again = signum == signal.SIGINT and time.monotonic() - _state.since > _TWICE
    if (first and not _state.waits) or (not first and again):
        raise Stopped(signum)


def _note(signum: int, frame: FrameType | None) -> None:
    if os.getpid() != _state.process:  # a worker process has inherited the handler: it ends as others do
        signal.signal(signum, signal.SIG_DFL)
        os.kill(os.getpid(), signum)
    else:
        stop(signum)
