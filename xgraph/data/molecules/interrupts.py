"""Handling of Ctrl-C during RDKit's substructure search, which replaces Python's signal handler."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Delay SIGINT until the end of the block, and restore Python's handler."""
    # RDKit's substructure search, which filter catalogues and the standardiser use, installs a SIGINT handler that
    # ends a search early with incomplete matches. The handler may remain afterwards, and Ctrl-C then has no effect
    # for the rest of the process. A signal that arrives within the block is delivered at its end. Only the main
    # thread can set handlers; in other threads this does nothing.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.getsignal(signal.SIGINT)
    can_mask = hasattr(signal, "pthread_sigmask")  # not on Windows
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if can_mask else set()
    came: list[int] = []
    if callable(
        handler
    ):  # another thread, such as one of a library's pool, may receive the signal in spite of the mask
        signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        if handler is not None:
            signal.signal(signal.SIGINT, handler)
        if can_mask:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if came:
            signal.raise_signal(signal.SIGINT)
