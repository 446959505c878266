"""Ctrl-C while RDKit works: its substructure search takes the signal for itself and does not give it back."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Hold SIGINT back for as long as the block takes, and leave Python's handler in place after it."""
    # RDKit's substructure search, and with it filter catalogues and the standardiser, installs a SIGINT handler that
    # ends a search early, with matches missing, and that may stay when the search is over: Ctrl-C then does nothing
    # for the rest of the process. A signal that came within the block is delivered at its end. Only the main thread
    # can do this; in others the block changes nothing.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.getsignal(signal.SIGINT)
    can_mask = hasattr(signal, "pthread_sigmask")  # not on Windows
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if can_mask else set()
    came: list[int] = []
    if callable(handler):  # another thread, say of a library's pool, may take the signal in spite of the mask
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
